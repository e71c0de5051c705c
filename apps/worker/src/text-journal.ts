/** The journal of texts: writes the text of a watched job to the database as it grows, for streams. */
import {
  errorLine,
  every,
  type Job,
  type Logger,
  type Loop,
  type Service,
  serviceStopLimitMs,
  settleWithin,
  type TextStore,
  type WakeUps,
} from '@prosemill/core';
import { AttemptText } from './attempt-text.ts';
import type { WorkerMetrics } from './worker-metrics.ts';

export interface TextJournalOptions {
  readonly texts: Pick<TextStore, 'append' | 'listWatched'>;
  readonly wakeUps: Pick<WakeUps, 'publish' | 'isDeaf'>;
  readonly metrics: Pick<WorkerMetrics, 'countTextAppend'>;
  readonly logger: Logger;
}

/** The least time from one append of a worker to its next: short for a reader, and 20 statements a second at most. */
const appendMs = 50;
/** The same after an append that failed. */
const retryMs = 500;
/** Interval of the looks for watched jobs while wake-ups do not arrive. */
const deafLookMs = 500;
/** How long the watch of an unknown job is remembered: the claim of the job may be under way. */
const rememberMs = 5_000;

/** Texts that nobody watches are not written, and cost nothing. */
export class TextJournal implements Service {
  readonly #options: TextJournalOptions;
  readonly #texts = new Set<AttemptText>();
  readonly #recentWatches = new Set<string>();
  readonly #looks: Loop;
  #nextAppend: NodeJS.Timeout | null = null;
  #appending: Promise<void> | null = null;
  #lastAppendAt = Number.NEGATIVE_INFINITY;
  #hasFailed = false;
  #isStopped = false;

  constructor(options: TextJournalOptions) {
    this.#options = options;
    this.#looks = every({
      intervalMs: deafLookMs,
      step: async () => await this.#look(),
      onError: (error) => options.logger.debug({ reason: errorLine(error) }, 'the look for watched jobs failed'),
    });
  }

  start(): void {
    this.#looks.start();
  }

  /** Waits for the append under way. Later text is not written. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#nextAppend !== null) clearTimeout(this.#nextAppend);
    await Promise.all([this.#looks.stop(), settleWithin(serviceStopLimitMs, this.#appending ?? Promise.resolve())]);
  }

  /** Begins the text of an attempt, which its generation fills. */
  open(job: Pick<Job, 'id' | 'attempt' | 'isWatched'>): AttemptText {
    const text = new AttemptText(job);
    this.#texts.add(text);
    if (job.isWatched || this.#recentWatches.has(job.id)) this.#watch(text);
    return text;
  }

  /** Ends the writing of a text: the outcome of its attempt has the rest. */
  close(text: AttemptText): void {
    this.#texts.delete(text);
  }

  /** Writes the texts of these jobs from now on, those so far first. Jobs that do not run here cost nothing. */
  watch(ids: readonly string[]): void {
    for (const id of ids) {
      this.#recentWatches.add(id);
      setTimeout(() => this.#recentWatches.delete(id), rememberMs).unref();
    }
    for (const text of this.#texts) if (ids.includes(text.id)) this.#watch(text);
  }

  #watch(text: AttemptText): void {
    text.watch(() => this.#plan());
  }

  async #look(): Promise<void> {
    if (!this.#options.wakeUps.isDeaf()) return;
    const unwatched = [...this.#texts].filter(({ isWatched }) => !isWatched).map(({ id }) => id);
    if (unwatched.length > 0) this.watch(await this.#options.texts.listWatched(unwatched));
  }

  /** Plans an append, unless one is planned or under way. */
  #plan(): void {
    if (this.#isStopped || this.#nextAppend !== null || this.#appending !== null) return;
    const dueAt = this.#lastAppendAt + (this.#hasFailed ? retryMs : appendMs);
    // At least a turn of the event loop, so that all texts of a step of the engine share the append.
    const waitMs = Math.ceil(Math.max(0, dueAt - performance.now()));
    this.#nextAppend = setTimeout(() => {
      this.#nextAppend = null;
      this.#appending = this.#append().finally(() => {
        this.#appending = null;
        if ([...this.#texts].some(({ hasUnwritten }) => hasUnwritten)) this.#plan();
      });
    }, waitMs);
  }

  /** Never rejects. A text that could not be written is written again, with all that has come since. */
  async #append(): Promise<void> {
    const { texts, wakeUps, metrics, logger } = this.#options;
    const unwritten = [...this.#texts].filter(({ hasUnwritten }) => hasUnwritten);
    if (unwritten.length === 0) return;
    const pieces = unwritten.map((text) => text.unwritten());
    this.#lastAppendAt = performance.now();
    metrics.countTextAppend();
    try {
      await texts.append(pieces);
    } catch (error) {
      const level = this.#hasFailed ? 'debug' : 'warn';
      logger[level]({ reason: errorLine(error) }, 'the texts of watched jobs could not be written');
      this.#hasFailed = true;
      return;
    }
    this.#hasFailed = false;
    for (const [index, piece] of pieces.entries()) unwritten[index]?.recordWritten(piece);
    wakeUps.publish({ type: 'job-text', ids: pieces.map(({ id }) => id) });
  }
}
