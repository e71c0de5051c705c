/** Waiting for jobs: woken by wake-ups, and by one poll for all waiters of the process when a wake-up is lost. */
import { AppError, type Job, type JobStore, type Logger, errorLine, type WakeUps } from '@prosemill/core';

export interface JobWaiterOptions {
  readonly jobs: JobStore;
  readonly wakeUps: WakeUps;
  readonly logger: Logger;
  /** Each key's owner is one of several; without keys there is one, whose waits are not bounded. */
  readonly hasOwners: boolean;
}

export interface WaitOptions {
  /** The job as it was last read. */
  readonly job: Job;
  /** Ends the wait when true. */
  readonly until: (job: Job) => boolean;
  readonly timeoutMs: number;
  /** The client's: aborted when it disconnects. */
  readonly signal: AbortSignal;
}

/** How long a lost wake-up can delay a waiter, and how long while all of them are lost. */
const pollMs = 500;
const deafPollMs = 100;
/** A tenth of the connections that a process has, and each wait holds one: nobody alone takes those of all others. */
const maxWaitsPerOwner = 1_000;

class Waiter {
  version: number;
  isOver = false;
  #wake: (() => void) | null = null;
  #woken = false;
  readonly #over = Promise.withResolvers<void>();

  constructor(version: number) {
    this.version = version;
  }

  notify(): void {
    this.#woken = true;
    this.#wake?.();
  }

  end(): void {
    this.isOver = true;
    this.#over.resolve();
    this.notify();
  }

  /** What is read; when the wait is over first, `latest`: a read lasts as long as the database hangs. */
  async unlessOver(reading: Promise<Job | null>, latest: Job): Promise<Job | null> {
    return await Promise.race([reading, this.#over.promise.then(() => latest)]);
  }

  /** Resolves at the next notification; at once if one came since the last call. */
  async next(): Promise<void> {
    if (!this.#woken) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#woken = false;
    this.#wake = null;
  }
}

export class JobWaiter {
  readonly #options: JobWaiterOptions;
  readonly #waiters = new Map<string, Set<Waiter>>();
  #isStopped = false;
  #count = 0;
  readonly #countOf = new Map<string, number>();
  #unsubscribe: (() => void) | null = null;
  #pollTimer: NodeJS.Timeout | null = null;
  #isPolling = false;

  constructor(options: JobWaiterOptions) {
    this.#options = options;
  }

  start(): void {
    this.#unsubscribe = this.#options.wakeUps.subscribe(({ type, ids }) => {
      if (type === 'job-changed') for (const id of ids) this.#notify(id);
    });
  }

  /** Ends every wait at once with the job as it was last read, in the middle of a read too; later waits end at once. Idempotent. */
  stop(): void {
    this.#isStopped = true;
    this.#unsubscribe?.();
    for (const waiters of this.#waiters.values()) for (const waiter of waiters) waiter.end();
  }

  /** Who waits now. */
  get count(): number {
    return this.#count;
  }

  /**
   * Waits until `until` holds for the job, the time is over, the client is gone, or the process stops; not at all if the job's owner waits
   * for 1,000 already.
   * A database that cannot be reached meanwhile only delays: the wait goes on.
   * @returns the job as last read; null if it is gone
   */
  async wait({ job, until, timeoutMs, signal }: WaitOptions): Promise<Job | null> {
    if (this.#options.hasOwners && this.#waitsOf(job) >= maxWaitsPerOwner) return job;
    const waiter = this.#register(job);
    const end = (): void => waiter.end();
    const timer = setTimeout(end, timeoutMs);
    signal.addEventListener('abort', end);
    if (signal.aborted || this.#isStopped) end();
    try {
      // Registered first, read second: the other order misses a job that finishes in between.
      let latest: Job | null = await waiter.unlessOver(this.#read(job), job);
      while (latest !== null && !until(latest) && !waiter.isOver) {
        waiter.version = latest.version;
        await waiter.next();
        if (!waiter.isOver) latest = await waiter.unlessOver(this.#read(latest), latest);
      }
      return latest;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      this.#unregister(job, waiter);
    }
  }

  async #read(job: Job): Promise<Job | null> {
    try {
      return await this.#options.jobs.find(job.ownerId, job.id);
    } catch (error) {
      if (!(error instanceof AppError) || error.kind !== 'unavailable') throw error;
      return job;
    }
  }

  #register(job: Job): Waiter {
    const waiter = new Waiter(job.version);
    this.#count += 1;
    this.#countOf.set(job.ownerId, this.#waitsOf(job) + 1);
    const others = this.#waiters.get(job.id);
    if (others === undefined) this.#waiters.set(job.id, new Set([waiter]));
    else others.add(waiter);
    this.#schedulePoll();
    return waiter;
  }

  #unregister(job: Job, waiter: Waiter): void {
    this.#count -= 1;
    const rest = this.#waitsOf(job) - 1;
    if (rest > 0) this.#countOf.set(job.ownerId, rest);
    else this.#countOf.delete(job.ownerId);
    const waiters = this.#waiters.get(job.id);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#waiters.delete(job.id);
    if (this.#waiters.size === 0 && this.#pollTimer !== null) {
      clearTimeout(this.#pollTimer);
      this.#pollTimer = null;
    }
  }

  #waitsOf({ ownerId }: Job): number {
    return this.#countOf.get(ownerId) ?? 0;
  }

  #notify(id: string): void {
    for (const waiter of this.#waiters.get(id) ?? []) waiter.notify();
  }

  #schedulePoll(delayMs = this.#options.wakeUps.isDeaf() ? deafPollMs : pollMs): void {
    if (!this.#isPolling) this.#pollTimer ??= setTimeout(() => void this.#poll(), delayMs);
  }

  async #poll(): Promise<void> {
    this.#pollTimer = null;
    this.#isPolling = true;
    let hasFailed = false;
    try {
      const versions = await this.#options.jobs.versions([...this.#waiters.keys()]);
      for (const [id, waiters] of this.#waiters) {
        for (const waiter of waiters) if (versions.get(id) !== waiter.version) waiter.notify();
      }
    } catch (error) {
      this.#options.logger.debug({ reason: errorLine(error) }, 'the poll for waiting clients failed');
      hasFailed = true;
    }
    this.#isPolling = false;
    if (this.#waiters.size > 0) this.#schedulePoll(hasFailed ? pollMs : undefined);
  }
}
