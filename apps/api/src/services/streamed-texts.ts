/** The texts of running jobs, for streams: one text for all streams of a job, one read for all of the process. */
import {
  countCodePoints,
  errorLine,
  type HintSender,
  isRetryable,
  type Job,
  type Logger,
  type Loop,
  newId,
  type Service,
  serviceStopLimitMs,
  settleWithin,
  type TextPiece,
  type TextStore,
  type WakeUps,
} from '@prosemill/core';
import { type Pauses, wakeAll } from './pauses.ts';
import { createPolls } from './polls.ts';
import type { JobText } from './text-place.ts';

export interface StreamedTextsOptions {
  readonly texts: Pick<TextStore, 'watch' | 'read'>;
  readonly wakeUps: Pick<WakeUps, 'subscribe' | 'publish' | 'isDeaf'>;
  readonly hints: Pick<HintSender, 'send'>;
  readonly logger: Logger;
  /** Called for each read of texts. */
  readonly countRead: () => void;
}

/** The shortest time from the beginning of a read to that of the next. */
const readMs = 50;

interface AttemptText extends JobText {
  readonly attempt: number;
  text: string;
  length: number;
  tokens: number;
}

/** The text of a job, shared by its streams. Each compares its own place with the text, so nothing is queued. */
export interface StreamedText {
  /** As one of the streams last read it. */
  job: Job;
  /** The text of the latest attempt that has one. */
  text: AttemptText;
  /** More may have come since the last read began. */
  isOutdated: boolean;
  /** The row says that the job is watched. */
  isMarked: boolean;
  streams: number;
  /** One for each stream that has the whole text and asks for more. */
  readonly pauses: Pauses;
}

export class StreamedTexts implements Service {
  readonly #options: StreamedTextsOptions;
  readonly #streamed = new Map<string, StreamedText>();
  readonly #polls: Loop;
  #isStopped = false;
  #unsubscribe: (() => void) | null = null;
  #nextRead: NodeJS.Timeout | null = null;
  #reading: Promise<void> | null = null;
  #lastReadAt = Number.NEGATIVE_INFINITY;

  constructor(options: StreamedTextsOptions) {
    this.#options = options;
    this.#polls = createPolls({ ...options, step: async () => await this.#poll(), clients: 'streams' });
  }

  start(): void {
    if (this.#isStopped) return;
    this.#polls.start();
    this.#unsubscribe ??= this.#options.wakeUps.subscribe(({ type, ids }) => {
      if (type === 'job-text') this.#outdate(ids);
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#unsubscribe?.();
    if (this.#nextRead !== null) clearTimeout(this.#nextRead);
    await Promise.all([this.#polls.stop(), settleWithin(serviceStopLimitMs, this.#reading ?? Promise.resolve())]);
  }

  /** Joins the streams of a job. The first one marks a job that is not watched yet, for its worker. */
  join(job: Job): StreamedText {
    let streamed = this.#streamed.get(job.id);
    if (streamed === undefined) {
      const text = { attempt: 0, text: '', length: 0, tokens: 0 };
      streamed = { job, text, isOutdated: true, isMarked: job.isWatched, streams: 0, pauses: new Set() };
      this.#streamed.set(job.id, streamed);
      if (!job.isWatched) this.#polls.wake();
    }
    streamed.streams += 1;
    return streamed;
  }

  /** Notes a newer row. The text is then read too, as the wake-up for the first text of an attempt may be lost. */
  update(streamed: StreamedText, job: Job): void {
    if (job.version <= streamed.job.version) return;
    streamed.job = job;
    streamed.isOutdated = true;
  }

  leave(streamed: StreamedText): void {
    streamed.streams -= 1;
    if (streamed.streams === 0) this.#streamed.delete(streamed.job.id);
  }

  /** Resolves when there is more text, or when `pause` does. Nothing is read for a stream that does not ask. */
  async untilMore(streamed: StreamedText, pause: PromiseWithResolvers<void>): Promise<void> {
    streamed.pauses.add(pause);
    if (streamed.isOutdated) this.#planRead();
    try {
      await pause.promise;
    } finally {
      streamed.pauses.delete(pause);
    }
  }

  #outdate(ids: Iterable<string>): void {
    for (const id of ids) {
      const streamed = this.#streamed.get(id);
      if (streamed === undefined) continue;
      streamed.isOutdated = true;
      if (streamed.pauses.size > 0) this.#planRead();
    }
  }

  #planRead(): void {
    if (this.#isStopped || this.#nextRead !== null || this.#reading !== null) return;
    this.#nextRead = setTimeout(
      () => {
        this.#nextRead = null;
        this.#reading = this.#read().finally(() => {
          this.#reading = null;
          if (this.#asking().length > 0) this.#planRead();
        });
      },
      Math.max(0, this.#lastReadAt + readMs - performance.now()),
    );
  }

  #asking(): readonly StreamedText[] {
    return [...this.#streamed.values()].filter(({ isOutdated, pauses }) => isOutdated && pauses.size > 0);
  }

  /** One query for all streams that ask. Never rejects: the streams get an error that is not transient. */
  async #read(): Promise<void> {
    const asking = this.#asking();
    if (asking.length === 0) return;
    this.#lastReadAt = performance.now();
    this.#options.countRead();
    for (const streamed of asking) streamed.isOutdated = false;
    const cursors = asking.map(({ job: { id }, text: { attempt, length } }) => ({ id, attempt, offset: length }));
    try {
      for (const piece of await this.#options.texts.read(cursors)) this.#add(piece);
    } catch (error) {
      // When the database is back, the poll finds the text that this read would have shown.
      if (!isRetryable(error)) for (const { pauses } of asking) for (const pause of pauses) pause.reject(error);
    }
  }

  #add({ id, attempt, offset, text, tokens }: TextPiece): void {
    const streamed = this.#streamed.get(id);
    if (streamed === undefined) return;
    if (attempt > streamed.text.attempt) streamed.text = { attempt, text: '', length: 0, tokens: 0 };
    const known = streamed.text;
    // The text is another one since the read began: its streams left, and others came.
    if (attempt !== known.attempt || offset !== known.length) return;
    known.text += text;
    known.length += countCodePoints(text);
    known.tokens = tokens;
    wakeAll(streamed.pauses);
  }

  async #poll(): Promise<void> {
    const running = [...this.#streamed.values()].filter(({ job }) => job.status === 'running');
    this.#outdate(running.map(({ job: { id } }) => id));
    const marked = await this.#mark();
    // Their wake-up may be lost. A worker that knows already ignores it.
    const silent = running.filter(({ job, text }) => text.attempt < job.attempt).map(({ job: { id } }) => id);
    const ids = new Set([...marked, ...silent]);
    if (ids.size > 0) this.#options.wakeUps.publish({ type: 'job-watch', ids: [...ids] });
  }

  /** @returns the jobs that were not watched before */
  async #mark(): Promise<readonly string[]> {
    const unmarked = [...this.#streamed.values()].filter(({ isMarked }) => !isMarked);
    if (unmarked.length === 0) return [];
    const ids = await this.#options.texts.watch(unmarked.map(({ job: { id } }) => id));
    for (const streamed of unmarked) streamed.isMarked = true;
    const queued = unmarked.filter(({ job: { id, status } }) => status === 'queued' && ids.includes(id));
    if (queued.length > 0) await this.#sendHints(queued.length);
    return ids;
  }

  /** Claims skip rows that are being written, so a permit may have found nothing because of the mark. */
  async #sendHints(count: number): Promise<void> {
    try {
      await this.#options.hints.send(Array.from({ length: count }, () => ({ id: newId(), epoch: 0 })));
    } catch (error) {
      this.#options.logger.debug({ reason: errorLine(error) }, 'hints may be lost; the reconcilers will send them');
    }
  }
}
