/** Bounds the queue: refuses a submit that does not fit at once, by a count that is refreshed in the background. */
import { AppError, coalesced, type JobStore, type QueueMeasure } from '@prosemill/core';

export interface QueueBoundOptions {
  readonly jobs: Pick<JobStore, 'measureQueue'>;
  readonly maxQueueLength: number;
  /** True with API keys: no owner may take all the room. */
  readonly hasOwners: boolean;
  readonly countRefused: () => void;
}

/** Age from which a submit refreshes the count in the background. Without submits the database is not asked. */
const refreshMs = 250;
/** From this share of the bound on, submits of other processes matter more, so the count is refreshed more often. */
const nearlyFull = 0.9;
const refreshNearlyFullMs = 50;
/** A submit waits for a new count when the last one is older than this. */
const maxAgeMs = 2_000;

export class QueueBound {
  readonly #options: QueueBoundOptions;
  /** The last answer of the database, and the time of the question. */
  #counted: Pick<QueueMeasure, 'queued' | 'queuedByOwner'> = { queued: 0, queuedByOwner: new Map() };
  #countedAt = Number.NEGATIVE_INFINITY;
  /** Submits of this process under way; the count may or may not include them. */
  #underWay = 0;
  /** Submits of this process that ended since the last count began, and since the count under way began. */
  #endedSince = 0;
  #endedWhileCounting = 0;
  readonly #count = coalesced(0, async () => await this.#askDatabase());

  constructor(options: QueueBoundOptions) {
    this.#options = options;
  }

  /**
   * Runs a submit if there is room for its job and its owner. May overestimate the queue, never underestimates it. The
   * counts per owner are as old as the last refresh.
   * @throws {AppError} `queue_full`; `database_unavailable` when there is no count
   */
  async admit<Result>(ownerId: string, submit: () => Promise<Result>): Promise<Result> {
    await this.#refresh();
    const { maxQueueLength, hasOwners } = this.#options;
    const room = maxQueueLength - this.#length;
    if (room <= 0) throw this.#refuse(`The queue is full: ${maxQueueLength} jobs wait. Try again later.`);
    // Dynamic thresholds for a shared buffer (Choudhury and Hahne 1998): owners with fewer jobs always find some room.
    if (hasOwners && (this.#counted.queuedByOwner.get(ownerId) ?? 0) > room) {
      throw this.#refuse('You have more jobs waiting than the queue has free places. Try again when some are done.');
    }
    this.#underWay += 1;
    try {
      const result = await submit();
      this.#endedSince += 1;
      this.#endedWhileCounting += 1;
      return result;
    } finally {
      this.#underWay -= 1;
    }
  }

  #refuse(message: string): AppError {
    this.#options.countRefused();
    return new AppError('queue_full', { message });
  }

  get #length(): number {
    return this.#counted.queued + this.#underWay + this.#endedSince;
  }

  async #refresh(): Promise<void> {
    const ageMs = performance.now() - this.#countedAt;
    const isNearlyFull = this.#length >= nearlyFull * this.#options.maxQueueLength;
    if (ageMs < (isNearlyFull ? refreshNearlyFullMs : refreshMs)) return;
    const counting = this.#count();
    if (ageMs >= maxAgeMs) await counting;
    else counting.catch(() => undefined);
  }

  async #askDatabase(): Promise<void> {
    const askedAt = performance.now();
    this.#endedWhileCounting = 0;
    this.#counted = await this.#options.jobs.measureQueue();
    this.#countedAt = askedAt;
    this.#endedSince = this.#endedWhileCounting;
  }
}
