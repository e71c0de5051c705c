/** Keeps the queue from growing without end: what does not fit is refused at once, without asking the database. */
import { AppError, type JobStore } from '@prosemill/core';

export interface QueueBoundOptions {
  readonly jobs: Pick<JobStore, 'countOpen'>;
  /** Queued jobs of all owners. */
  readonly maxQueueLength: number;
  readonly countRefused: () => void;
}

/** How old the count may get while submits come; an idle database is not asked. */
const refreshMs = 250;
/** From this share of the bound on, other processes' submits weigh more: the count is refreshed more often. */
const nearlyFull = 0.9;
const refreshNearlyFullMs = 50;
/** Nobody is refused, or let in, on a count that is older: the database is waited for. */
const maxAgeMs = 2_000;

export class QueueBound {
  readonly #options: QueueBoundOptions;
  /** As the database last said. */
  #counted = 0;
  #countedAt = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | null = null;
  /** Own submits under way: in the count or not. */
  #underWay = 0;
  /** Own submits that ended since the count was asked for; `#endedWhileCounting`: since the one under way was. */
  #endedSince = 0;
  #endedWhileCounting = 0;

  constructor(options: QueueBoundOptions) {
    this.#options = options;
  }

  /**
   * Runs a submit if there is room for its job. Counts rather too much than too little.
   * @throws {AppError} `queue_full`; `database_unavailable` when there is no count
   */
  async admit<Result>(submit: () => Promise<Result>): Promise<Result> {
    await this.#refresh();
    if (this.#length >= this.#options.maxQueueLength) {
      this.#options.countRefused();
      throw new AppError('queue_full', {
        message: `The queue holds ${this.#options.maxQueueLength} jobs, and takes no more for now.`,
      });
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

  get #length(): number {
    return this.#counted + this.#underWay + this.#endedSince;
  }

  async #refresh(): Promise<void> {
    const ageMs = performance.now() - this.#countedAt;
    const isNearlyFull = this.#length >= nearlyFull * this.#options.maxQueueLength;
    if (ageMs < (isNearlyFull ? refreshNearlyFullMs : refreshMs)) return;
    this.#refreshing ??= this.#count().finally(() => (this.#refreshing = null));
    if (ageMs >= maxAgeMs) await this.#refreshing;
    else this.#refreshing.catch(() => undefined);
  }

  async #count(): Promise<void> {
    const askedAt = performance.now();
    this.#endedWhileCounting = 0;
    const { queued } = await this.#options.jobs.countOpen();
    this.#counted = queued;
    this.#countedAt = askedAt;
    this.#endedSince = this.#endedWhileCounting;
  }
}
