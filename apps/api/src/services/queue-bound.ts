/** Keeps the queue from growing without end: what does not fit is refused at once, without asking the database. */
import { AppError, type JobStore, type OpenJobs } from '@prosemill/core';

export interface QueueBoundOptions {
  readonly jobs: Pick<JobStore, 'countOpen'>;
  /** Queued jobs of all owners. */
  readonly maxQueueLength: number;
  /** Whether there are owners who must be kept from taking all the room. */
  readonly hasOwners: boolean;
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
  #counted: OpenJobs = { queued: 0, running: 0, queuedByOwner: new Map() };
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
   * Runs a submit if there is room for its job, and for this owner. Counts rather too much than too little; but of one owner not what
   * came since the last count.
   * @throws {AppError} `queue_full`; `database_unavailable` when there is no count
   */
  async admit<Result>(ownerId: string, submit: () => Promise<Result>): Promise<Result> {
    await this.#refresh();
    const { maxQueueLength, hasOwners } = this.#options;
    const room = maxQueueLength - this.#length;
    if (room <= 0) throw this.#refuse(`The queue holds ${maxQueueLength} jobs, and takes no more for now.`);
    // As in a shared buffer (dynamic thresholds, Choudhury and Hahne 1998): however many fill it, some room is left for whoever has less.
    if (hasOwners && (this.#counted.queuedByOwner.get(ownerId) ?? 0) > room) {
      throw this.#refuse('More of your jobs wait than the queue has room left, and it takes no more of them for now.');
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
    this.#refreshing ??= this.#count().finally(() => (this.#refreshing = null));
    if (ageMs >= maxAgeMs) await this.#refreshing;
    else this.#refreshing.catch(() => undefined);
  }

  async #count(): Promise<void> {
    const askedAt = performance.now();
    this.#endedWhileCounting = 0;
    this.#counted = await this.#options.jobs.countOpen();
    this.#countedAt = askedAt;
    this.#endedSince = this.#endedWhileCounting;
  }
}
