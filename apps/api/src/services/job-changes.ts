/** The changes of an owner's jobs, for lists that are looked at. One query finds them for all owners of the process. */
import {
  type Job,
  type JobStore,
  type JobVersion,
  type Logger,
  type Loop,
  type Service,
  type WakeUps,
} from '@prosemill/core';
import { type Pauses, untilWoken, wakeAll } from './pauses.ts';
import { createPolls } from './polls.ts';

export interface JobChangesOptions {
  readonly jobs: Pick<JobStore, 'listRecent'>;
  readonly wakeUps: Pick<WakeUps, 'subscribe' | 'isDeaf'>;
  readonly logger: Logger;
}

export interface ChangedJobs {
  /** The newest state of each; the order of the changes. */
  readonly jobs: readonly Pick<Job, 'id' | 'status' | 'version'>[];
  /** There were too many changes to tell: the reader should read its list again. */
  readonly hasMore: boolean;
}

/**
 * The shortest times from the beginning of a read to that of the next, after one that found changes and after one that
 * found none. So the first change is seen at once, and jobs that change all the time cost a read every two seconds.
 */
const busyReadMs = 2_000;
const readMs = 250;
/** New jobs send no wake-ups: while nothing changes they are seen within this time. */
const pollMs = 1_000;
/** A job may become visible this long after the time in its row, because its transaction takes a while. */
const overlapMs = 2_000;
/** After a longer outage of the database, readers have to read their lists again. */
const maxGapMs = 60_000;
/** How early a timer may be. */
const timerMs = 5;
/** The most jobs in a read, and the most changes that are kept for slow readers. */
const maxChanges = 1_000;

interface Change {
  readonly job: JobVersion;
  /** Rises with each change of the owner's jobs. */
  readonly place: number;
}

/** The jobs of an owner as last read, for all watchers. They compare places and queue nothing. */
interface WatchedOwner {
  /** The states of the last read, by id. */
  known: ReadonlyMap<string, JobVersion>;
  /** The latest changes by job, oldest first. */
  readonly changes: Map<string, Change>;
  /** The place of the last change, and of the last one that is no longer kept. */
  place: number;
  forgotten: number;
  watchers: number;
  /** The last changes that a watcher was told. */
  told: { readonly since: number; readonly until: number; readonly changed: ChangedJobs } | null;
  readonly pauses: Pauses;
}

export class JobChanges implements Service {
  readonly #options: JobChangesOptions;
  readonly #watched = new Map<string, WatchedOwner>();
  readonly #polls: Loop;
  #isStopped = false;
  #unsubscribe: (() => void) | null = null;
  #nextRead: NodeJS.Timeout | null = null;
  /** The beginning of the last read that succeeded; null when nobody watched since. */
  #readAt: number | null = null;
  /** The beginning of the last read. */
  #triedAt = Number.NEGATIVE_INFINITY;
  #hasFound = false;

  constructor(options: JobChangesOptions) {
    this.#options = options;
    const step = async (): Promise<void> => await this.#read();
    this.#polls = createPolls({
      ...options,
      step,
      clients: 'watched lists',
      intervalMs: () => (this.#hasFound ? busyReadMs : pollMs),
      deafMs: readMs,
    });
  }

  start(): void {
    if (this.#isStopped) return;
    this.#polls.start();
    this.#unsubscribe ??= this.#options.wakeUps.subscribe(({ type }) => {
      if (type === 'job-changed') this.#planRead();
    });
  }

  /** Also ends every watch. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#unsubscribe?.();
    if (this.#nextRead !== null) clearTimeout(this.#nextRead);
    for (const { pauses } of this.#watched.values()) wakeAll(pauses);
    await this.#polls.stop();
  }

  /**
   * Yields the jobs of the owner that have changed, at most every two seconds, until an abort or a stop. It may begin
   * with changes from before. All watchers of an owner get the same objects. An outage of the database only delays.
   * Verifications are left out.
   */
  async *watch(ownerId: string, signal: AbortSignal): AsyncGenerator<ChangedJobs, void> {
    const owner = this.#join(ownerId);
    try {
      for (let { place } = owner; !signal.aborted && !this.#isStopped;) {
        if (owner.place === place) {
          await untilWoken(owner.pauses, signal);
          continue;
        }
        const changed = changesOf(owner, place);
        ({ place } = owner);
        yield changed;
      }
    } finally {
      owner.watchers -= 1;
      if (owner.watchers === 0) this.#watched.delete(ownerId);
      if (this.#watched.size === 0) this.#readAt = null;
    }
  }

  #join(ownerId: string): WatchedOwner {
    let owner = this.#watched.get(ownerId);
    if (owner === undefined) {
      owner = {
        known: new Map(),
        changes: new Map(),
        place: 0,
        forgotten: 0,
        watchers: 0,
        told: null,
        pauses: new Set(),
      };
      this.#watched.set(ownerId, owner);
      this.#planRead();
    }
    owner.watchers += 1;
    return owner;
  }

  #planRead(): void {
    if (this.#isStopped || this.#nextRead !== null || this.#watched.size === 0) return;
    const dueAt = (): number => this.#triedAt + (this.#hasFound ? busyReadMs : readMs);
    this.#nextRead = setTimeout(
      () => {
        this.#nextRead = null;
        // A poll may have come first.
        if (dueAt() - performance.now() > timerMs) this.#planRead();
        else this.#polls.wake();
      },
      Math.max(0, dueAt() - performance.now()),
    );
  }

  /** One query for all watched owners. */
  async #read(): Promise<void> {
    if (this.#watched.size === 0) return;
    const began = performance.now();
    this.#triedAt = began;
    const owners = [...this.#watched];
    const sinceMs = this.#readAt === null ? 0 : began - this.#readAt;
    const jobs = await this.#options.jobs.listRecent({
      ownerIds: owners.map(([ownerId]) => ownerId),
      ms: overlapMs + Math.min(sinceMs, maxGapMs),
      // Jobs that ran and returned to the queue are in no other part of the answer.
      ids: owners.flatMap(([, { known }]) => runningOf(known)),
      limit: maxChanges,
    });
    this.#readAt = began;
    const isWhole = jobs.length < maxChanges && sinceMs <= maxGapMs;
    const byOwner = Map.groupBy(jobs, ({ ownerId }) => ownerId);
    const found = owners.map(([ownerId, owner]) => note(owner, byOwner.get(ownerId) ?? [], isWhole));
    this.#hasFound = found.includes(true);
  }
}

const runningOf = (known: WatchedOwner['known']): readonly string[] =>
  [...known.values()].filter(({ status }) => status === 'running').map(({ id }) => id);

/** The changes after a place. */
function changesOf(owner: WatchedOwner, since: number): ChangedJobs {
  const { place: until, told } = owner;
  if (told !== null && told.since === since && told.until === until) return told.changed;
  const changes = [...owner.changes.values()].filter((change) => change.place > since);
  const changed = { jobs: changes.map(({ job }) => job), hasMore: owner.forgotten > since };
  owner.told = { since, until, changed };
  return changed;
}

/** @returns whether something has changed */
function note(owner: WatchedOwner, jobs: readonly JobVersion[], isWhole: boolean): boolean {
  const { known, changes, place } = owner;
  for (const job of jobs) {
    if (job.version <= (known.get(job.id)?.version ?? 0)) continue;
    owner.place += 1;
    changes.delete(job.id);
    changes.set(job.id, { job, place: owner.place });
  }
  owner.known = new Map(jobs.map((job) => [job.id, job]));
  for (const [id, change] of changes) {
    if (changes.size <= maxChanges) break;
    owner.forgotten = change.place;
    changes.delete(id);
  }
  if (!isWhole) {
    owner.place += 1;
    owner.forgotten = owner.place;
  }
  if (owner.place === place) return false;
  wakeAll(owner.pauses);
  return true;
}
