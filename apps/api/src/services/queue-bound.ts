/** Bounds the queue: refuses a submit that does not fit at once, by a count that is refreshed in the background. */
import { AppError, coalesced, type JobStore, type QueueLoad } from '@prosemill/core';

export interface QueueBoundOptions {
  readonly jobs: Pick<JobStore, 'measureQueue'>;
  /** The most that may wait. */
  readonly limits: QueueLoad;
  /** True with API keys: no owner may take all the room. */
  readonly hasOwners: boolean;
  readonly countRefused: () => void;
  /** The time until a retry makes sense; null when it is not known. */
  readonly retryAfterMs: () => number | null;
}

export interface RoomRequest {
  /** Default: that of the smallest job. */
  readonly cost?: QueueLoad;
  readonly isDryRun?: boolean;
}

/** Age from which a submit refreshes the count in the background. Without submits the database is not asked. */
const refreshMs = 250;
/** From this share of a bound on, submits of other processes matter more, so the count is refreshed more often. */
const nearlyFull = 0.9;
const refreshNearlyFullMs = 50;
/** A submit waits for a new count when the last one is older than this. */
const maxAgeMs = 2_000;

const smallest: QueueLoad = { jobs: 1, tokens: 0 };
const nothing: QueueLoad = { jobs: 0, tokens: 0 };

export class QueueBound {
  readonly #options: QueueBoundOptions;
  /** The last answer of the database, and the time of the question. */
  #counted = { load: nothing, ofOwners: new Map<string, QueueLoad>() as ReadonlyMap<string, QueueLoad> };
  #countedAt = Number.NEGATIVE_INFINITY;
  /** Submits of this process under way; the count may or may not include them. */
  readonly #underWay = new Loads();
  /** Submits of this process that ended since the last count began, and since the count under way began. */
  #endedSince = new Loads();
  #endedWhileCounting = new Loads();
  readonly #count = coalesced(0, async () => await this.#askDatabase());

  constructor(options: QueueBoundOptions) {
    this.#options = options;
  }

  /**
   * Refuses a submit that cannot be admitted now. Without a cost it refuses only if even the smallest job cannot be. A
   * dry run is not counted as refused.
   * @throws {AppError} `queue_full`; `database_unavailable` when there is no count
   */
  async requireRoom(ownerId: string, { cost = smallest, isDryRun = false }: RoomRequest = {}): Promise<void> {
    await this.#refresh(ownerId);
    this.#requireRoom(ownerId, { cost, isDryRun });
  }

  /**
   * Runs a submit if there is room for its cost and its owner. May overestimate the queue and the owner's part of it.
   * Underestimates them only by the submits that other processes have made since the last count.
   * @throws {AppError} `queue_full`; `invalid_request` when even an empty queue has no room for the cost;
   *   `database_unavailable` when there is no count
   */
  async admit<Result>(ownerId: string, cost: QueueLoad, submit: () => Promise<Result>): Promise<Result> {
    await this.#refresh(ownerId);
    this.#requireRoom(ownerId, { cost, isDryRun: false });
    this.#underWay.add(ownerId, cost);
    try {
      const result = await submit();
      this.#endedSince.add(ownerId, cost);
      this.#endedWhileCounting.add(ownerId, cost);
      return result;
    } finally {
      this.#underWay.add(ownerId, difference(nothing, cost));
    }
  }

  #requireRoom(ownerId: string, { cost, isDryRun }: Required<RoomRequest>): void {
    if (this.#refusalOf(cost, { load: nothing, ofOwner: nothing }) !== null) {
      const request = `These ${cost.jobs} jobs with ${cost.tokens} tokens`;
      const message = `${request} do not fit into an empty queue, so they can never be admitted together.`;
      throw new AppError('invalid_request', { message });
    }
    const message = this.#refusalOf(cost, { load: this.#load, ofOwner: this.#loadOf(ownerId) });
    if (message === null) return;
    if (!isDryRun) this.#options.countRefused();
    const retryAfterMs = this.#options.retryAfterMs();
    throw new AppError('queue_full', { message, details: retryAfterMs === null ? {} : { retryAfterMs } });
  }

  /** The message of the refusal; null when there is room. */
  #refusalOf(cost: QueueLoad, { load, ofOwner }: Readonly<Record<'load' | 'ofOwner', QueueLoad>>): string | null {
    const { limits, hasOwners } = this.#options;
    const room = difference(limits, load);
    if (room.jobs < cost.jobs) {
      return `The queue is full: ${load.jobs} jobs wait, and at most ${limits.jobs} may. Try again later.`;
    }
    // An empty queue takes one job of any size: otherwise a small limit would refuse some jobs forever.
    if (room.tokens < cost.tokens && (load.tokens > 0 || cost.jobs > 1)) {
      const full = `the waiting jobs may have ${load.tokens} tokens together, and the limit is ${limits.tokens}`;
      return `The queue is full: ${full}. Try again later.`;
    }
    // Dynamic thresholds for a shared buffer (Choudhury and Hahne 1998): owners with fewer jobs always find some room.
    const own = sum(ofOwner, cost);
    const free = difference(room, cost);
    const isOnly = own.jobs === 1;
    if (hasOwners && !isOnly && (own.jobs > free.jobs || own.tokens > free.tokens)) {
      return 'You would have more jobs waiting than the queue has free places. Try again when some are done.';
    }
    return null;
  }

  get #load(): QueueLoad {
    return sum(sum(this.#counted.load, this.#underWay.all), this.#endedSince.all);
  }

  #loadOf(ownerId: string): QueueLoad {
    const counted = this.#counted.ofOwners.get(ownerId) ?? nothing;
    return sum(sum(counted, this.#underWay.of(ownerId)), this.#endedSince.of(ownerId));
  }

  async #refresh(ownerId: string): Promise<void> {
    const ageMs = performance.now() - this.#countedAt;
    const { limits, hasOwners } = this.#options;
    const free = difference(limits, this.#load);
    const isNearlyFull = isNear(this.#load, limits) || (hasOwners && isNear(this.#loadOf(ownerId), free));
    if (ageMs < (isNearlyFull ? refreshNearlyFullMs : refreshMs)) return;
    const counting = this.#count();
    if (ageMs >= maxAgeMs) await counting;
    else counting.catch(() => undefined);
  }

  async #askDatabase(): Promise<void> {
    const askedAt = performance.now();
    this.#endedWhileCounting = new Loads();
    const { queued, queuedTokens, queuedByOwner } = await this.#options.jobs.measureQueue();
    this.#counted = { load: { jobs: queued, tokens: queuedTokens }, ofOwners: queuedByOwner };
    this.#countedAt = askedAt;
    this.#endedSince = this.#endedWhileCounting;
    // Otherwise both would be one, which would get each later submit twice.
    this.#endedWhileCounting = new Loads();
  }
}

/** The load of all owners together, and of each. */
class Loads {
  all = nothing;
  readonly #ofOwners = new Map<string, QueueLoad>();

  of(ownerId: string): QueueLoad {
    return this.#ofOwners.get(ownerId) ?? nothing;
  }

  add(ownerId: string, load: QueueLoad): void {
    this.all = sum(this.all, load);
    const own = sum(this.of(ownerId), load);
    if (own.jobs > 0) this.#ofOwners.set(ownerId, own);
    else this.#ofOwners.delete(ownerId);
  }
}

const isNear = (load: QueueLoad, bound: QueueLoad): boolean =>
  load.jobs >= nearlyFull * bound.jobs || load.tokens >= nearlyFull * bound.tokens;

const sum = (a: QueueLoad, b: QueueLoad): QueueLoad => ({ jobs: a.jobs + b.jobs, tokens: a.tokens + b.tokens });

const difference = (a: QueueLoad, b: QueueLoad): QueueLoad => ({ jobs: a.jobs - b.jobs, tokens: a.tokens - b.tokens });
