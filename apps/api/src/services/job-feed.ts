/** The feed of job changes: the watchers of a job share its reads, and one poll makes up for lost wake-ups. */
import {
  AppError,
  isRetryable,
  type Job,
  type JobStore,
  type Logger,
  type Loop,
  type Service,
  type WakeUps,
} from '@prosemill/core';
import { type Pauses, untilWoken, wakeAll } from './pauses.ts';
import { createPolls } from './polls.ts';

export interface JobFeedOptions {
  readonly jobs: Pick<JobStore, 'find' | 'versions'>;
  readonly wakeUps: Pick<WakeUps, 'subscribe' | 'isDeaf'>;
  readonly logger: Logger;
  /** The bound of the watchers of one owner's jobs. */
  readonly maxPerOwner: number;
}

export interface WaitOptions {
  /** The job as the caller last read it. */
  readonly job: Job;
  /** Ends the wait when true. */
  readonly until: (job: Job) => boolean;
  readonly timeoutMs: number;
  /** Aborted when the client disconnects. */
  readonly signal: AbortSignal;
}

/** A tenth of a process's connections. Each watcher holds one, so no owner takes those of all others. */
export const maxWatchersPerOwner = 1_000;

/** The refusal of one more watcher. */
export function tooManyWatchers(advice: string, details: AppError['details']): AppError {
  const limit = maxWatchersPerOwner.toLocaleString('en');
  const message = `${limit} requests of this owner wait for jobs or stream them already. ${advice}`;
  return new AppError('rate_limited', { message, details });
}

/** A job with watchers. They compare states and queue nothing: all changes between two reads count as one. */
interface WatchedJob {
  /** The job as last read; null when it is deleted. */
  latest: Job | null;
  /** The job may have changed since the last read began. */
  isOutdated: boolean;
  isReading: boolean;
  watchers: number;
  /** One for each watcher that knows `latest` and asks for more. */
  readonly pauses: Pauses;
}

export class JobFeed implements Service {
  readonly #options: JobFeedOptions;
  readonly #watched = new Map<string, WatchedJob>();
  readonly #watchersOf = new Map<string, number>();
  readonly #polls: Loop;
  #isStopped = false;
  #unsubscribe: (() => void) | null = null;

  constructor(options: JobFeedOptions) {
    this.#options = options;
    this.#polls = createPolls({ ...options, step: async () => await this.#poll(), clients: 'waiting clients' });
  }

  start(): void {
    if (this.#isStopped) return;
    this.#polls.start();
    this.#unsubscribe ??= this.#options.wakeUps.subscribe(({ type, ids }) => {
      if (type === 'job-changed') for (const id of ids) this.#outdate(id);
    });
  }

  /** Also ends every iteration and every wait at once, even during a read. Later ones end at once too. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#unsubscribe?.();
    for (const watched of this.#watched.values()) wakeAll(watched.pauses);
    await this.#polls.stop();
  }

  /** Whether the owner may have this many more watchers. */
  hasRoom(ownerId: string, watchers = 1): boolean {
    return (this.#watchersOf.get(ownerId) ?? 0) + watchers <= this.#options.maxPerOwner;
  }

  /** Counts a watcher of the owner that watches no single job. @returns a function that ends it; call it once */
  hold(ownerId: string): () => void {
    this.#count(ownerId, 1);
    return () => this.#count(ownerId, -1);
  }

  /** Watchers at the moment. */
  get count(): number {
    return [...this.#watchersOf.values()].reduce((sum, watchers) => sum + watchers, 0);
  }

  /** Whether anybody watches this job. */
  isWatched(id: string): boolean {
    return this.#watched.has(id);
  }

  /**
   * Yields the newest row of the job whenever it is newer than the watcher's; rows in between are skipped. The last
   * value is null when the job is gone. The iteration also ends on an abort, when the process stops, and at once when
   * the owner has too many watchers. An outage of the database only delays. Nothing is read for a watcher that does not
   * ask for the next row.
   * @param job  The job as the watcher last read it.
   */
  async *watch(job: Job, signal: AbortSignal): AsyncGenerator<Job | null, void> {
    if (!this.hasRoom(job.ownerId)) return;
    // Registered first, read second: the other order misses a change in between.
    const watched = this.#join(job);
    try {
      for (let { version } = job; !signal.aborted && !this.#isStopped;) {
        const { latest } = watched;
        if (latest === null || latest.version > version) {
          yield latest;
          if (latest === null) return;
          ({ version } = latest);
        } else {
          if (watched.isOutdated && !watched.isReading) void this.#read(job, watched);
          await untilWoken(watched.pauses, signal);
        }
      }
    } finally {
      this.#leave(job, watched);
    }
  }

  /**
   * Waits until `until` holds for the job, the time is over, the client is gone, or the process stops. Does not wait if
   * the owner has too many watchers.
   * @returns the job as last read; null if it is gone
   */
  async wait({ job, until, timeoutMs, signal }: WaitOptions): Promise<Job | null> {
    if (until(job)) return job;
    const over = new AbortController();
    const end = (): void => over.abort();
    const timer = setTimeout(end, timeoutMs);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
    try {
      let latest: Job | null = job;
      for await (latest of this.watch(job, over.signal)) if (latest === null || until(latest)) break;
      return latest;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
    }
  }

  #join(job: Job): WatchedJob {
    let watched = this.#watched.get(job.id);
    if (watched === undefined) {
      watched = { latest: job, isOutdated: true, isReading: false, watchers: 0, pauses: new Set() };
      this.#watched.set(job.id, watched);
    }
    watched.watchers += 1;
    watched.isOutdated = true;
    this.#count(job.ownerId, 1);
    return watched;
  }

  #leave({ id, ownerId }: Job, watched: WatchedJob): void {
    watched.watchers -= 1;
    if (watched.watchers === 0) this.#watched.delete(id);
    this.#count(ownerId, -1);
  }

  #count(ownerId: string, change: 1 | -1): void {
    const watchers = (this.#watchersOf.get(ownerId) ?? 0) + change;
    if (watchers > 0) this.#watchersOf.set(ownerId, watchers);
    else this.#watchersOf.delete(ownerId);
  }

  #outdate(id: string): void {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    watched.isOutdated = true;
    wakeAll(watched.pauses);
  }

  /** Never rejects: the watchers get the error of a failed read. */
  async #read({ ownerId, id }: Job, watched: WatchedJob): Promise<void> {
    watched.isReading = true;
    watched.isOutdated = false;
    try {
      const job = await this.#options.jobs.find(ownerId, id);
      watched.latest = job === null || job.purgedAt !== null ? null : job;
    } catch (error) {
      // When the database is back, the poll finds the changes that this read would have shown.
      if (!isRetryable(error)) for (const pause of watched.pauses) pause.reject(error);
    }
    watched.isReading = false;
    wakeAll(watched.pauses);
  }

  /** One query for all watched jobs. */
  async #poll(): Promise<void> {
    const ids = [...this.#watched.keys()];
    if (ids.length === 0) return;
    const versions = await this.#options.jobs.versions(ids);
    for (const id of ids) if (versions.get(id) !== this.#watched.get(id)?.latest?.version) this.#outdate(id);
  }
}
