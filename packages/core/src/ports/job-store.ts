/** The port of the database: the only authority over jobs. Implemented by packages/store on SQLite and Postgres. */
import type { IdempotencyKey } from '../idempotency.ts';
import type { GenerationRecord, Job, JobStatus, ModelIdentity, PriorityClass, SamplingParameters } from '../job.ts';
import type { Completion, Outcome } from '../outcome.ts';
import type { ApiKeyStore } from './api-key-store.ts';

export interface NewJob {
  /** UUID v7 from `newId()`. */
  readonly id: string;
  readonly ownerId: string;
  readonly priorityClass: PriorityClass;
  readonly prompt: string;
  readonly parameters: SamplingParameters;
  readonly seed: number;
  readonly maxAttempts: number;
  /** From receipt; null = no deadline. */
  readonly deadlineMs: number | null;
  /** The span of its submit, see `formatTraceparent`. */
  readonly traceparent: string;
  /** Absent: the job has no key. */
  readonly idempotency?: IdempotencyKey;
}

/** A permit to claim some row; which one it names does not matter. */
export interface Hint {
  readonly id: string;
  readonly epoch: number;
}

/** The fence: names one attempt at one job. */
export interface ClaimKey {
  readonly id: string;
  readonly attempt: number;
}

/** A job in the hands of one worker. */
export interface ClaimedJob {
  readonly job: Job;
  /** What is left until the deadline at the claim; null = no deadline. */
  readonly remainingMs: number | null;
  /** From the moment when the job could be claimed, its submit or its latest return to the queue with its pause, to the claim. */
  readonly waitedMs: number;
  /** From the submit to the claim. */
  readonly ageMs: number;
}

export interface ClaimOptions {
  readonly workerId: string;
  readonly model: ModelIdentity;
  readonly leaseMs: number;
  /** Of this class and those behind it the first in the claim order (class, turn, id); without any, the same from the class before. */
  readonly fromClass: PriorityClass;
}

/** How many jobs have not ended. */
export interface OpenJobs {
  readonly queued: number;
  readonly running: number;
  /** Without owners that have none. */
  readonly queuedByOwner: ReadonlyMap<string, number>;
}

/** A place in a list that is ordered newest first by (createdAt, id). */
export interface Cursor<Id> {
  readonly createdAt: Date;
  readonly id: Id;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly hasMore: boolean;
}

export interface JobQuery {
  readonly ownerId: string;
  readonly status: JobStatus | null;
  /** Inclusive. */
  readonly createdAfter: Date | null;
  /** Exclusive. */
  readonly createdBefore: Date | null;
  readonly after: Cursor<string> | null;
  readonly limit: number;
}

export interface GenerationQuery {
  readonly ownerId: string;
  readonly after: Cursor<number> | null;
  readonly limit: number;
}

/** Jobs and their transitions. Every method is one statement or one transaction. */
export interface JobStore {
  /**
   * Commits a queued job, its first event and its idempotency key. The turn is chosen in the same transaction.
   * @returns the job; with a key that holds a job already, that one, which has another id
   * @throws {AppError} `idempotency_key_reused` when the key holds the job of another request
   */
  submit(job: NewJob): Promise<Job>;
  /**
   * The job that a key holds; null if the key is free: unknown, a day old, or given back by its job.
   * @throws {AppError} `idempotency_key_reused` when that is the job of another request
   */
  findByIdempotencyKey(ownerId: string, key: IdempotencyKey): Promise<Job | null>;
  /** Null for an unknown id and for another owner's. */
  find(ownerId: string, id: string): Promise<Job | null>;
  list(query: JobQuery): Promise<Page<Job>>;
  /** How many queued rows stand before this one in the claim order; null if it is not queued. Counts at most `limit`. */
  countAhead(id: string, limit: number): Promise<number | null>;
  /** The same of those of these jobs that are among the first `limit` queued ones: one query for a page of them. */
  listAhead(ids: readonly string[], limit: number): Promise<ReadonlyMap<string, number>>;
  /**
   * Queued → canceled at once; running → `cancelRequestedAt` set, the worker does the rest; terminal → unchanged.
   * @returns the job as it is afterwards; null for an unknown id and for another owner's
   */
  requestCancel(ownerId: string, id: string): Promise<Job | null>;
  /** The versions of those of these ids that exist: one query for all waiters of a process. */
  versions(ids: readonly string[]): Promise<ReadonlyMap<string, number>>;

  /** Claims the first claimable row; null when there is none. While the queue is paused, no row is claimable. */
  claim(options: ClaimOptions): Promise<ClaimedJob | null>;
  /**
   * Prolongs the lease to `leaseMs` from now.
   * @returns null when the attempt no longer holds the job: stop generating
   */
  renew(claim: ClaimKey, leaseMs: number): Promise<{ readonly cancelRequested: boolean } | null>;
  /** Ends an attempt; a success writes its generation record in the same transaction. Safe to repeat. */
  complete(claim: ClaimKey, outcome: Outcome): Promise<Completion>;

  /**
   * Takes running jobs whose lease is over away from their workers.
   * @returns the ids that changed, at most `limit`
   */
  rescueLostJobs(limit: number): Promise<readonly string[]>;
  /**
   * Expires queued jobs whose deadline has passed.
   * @returns the ids that changed, at most `limit`
   */
  expireJobs(limit: number): Promise<readonly string[]>;
  /**
   * Deletes idempotency keys that are a day old.
   * @returns how many, at most `limit`
   */
  deleteOldIdempotencyKeys(limit: number): Promise<number>;
  countClaimable(): Promise<number>;
  /** Claimable rows by id, for sending lost hints page by page. `after` is the last id of the page before. */
  listClaimable(options: { readonly after: string | null; readonly limit: number }): Promise<readonly Hint[]>;
  countOpen(): Promise<OpenJobs>;
  /** The same by class, and how long the oldest has been queued. */
  measureQueue(): Promise<QueueMeasure>;

  /** A claim that begins while the queue is paused finds nothing, in whatever process. Idempotent. */
  setPaused(isPaused: boolean): Promise<void>;
  isPaused(): Promise<boolean>;
}

export interface QueueMeasure {
  /** Of what there is none, there is no entry. */
  readonly counts: readonly {
    readonly status: 'queued' | 'running';
    readonly priorityClass: PriorityClass;
    readonly count: number;
  }[];
  /** Since the submit of the job that was submitted first, of those that are queued; null when none is. */
  readonly oldestQueuedMs: number | null;
}

export interface GenerationStore {
  list(query: GenerationQuery): Promise<Page<GenerationRecord>>;
  find(ownerId: string, id: number): Promise<GenerationRecord | null>;
}

/** A model that a ready worker serves, as the API needs it for checks. */
export interface ModelRecord {
  readonly name: string;
  readonly revision: string;
  /** Positions: prompt and completion together. */
  readonly contextLength: number;
  /** The files of the tokenizer and the size of the model's vocabulary, in JSON: the record that packages/tokenizer reads. */
  readonly tokenizer: string;
}

export interface ModelStore {
  /** Inserts or replaces by (name, revision). */
  save(model: ModelRecord): Promise<void>;
  find(name: string, revision: string): Promise<ModelRecord | null>;
}

export const workerStates = ['loading', 'ready', 'draining', 'failed'] as const;
export type WorkerState = (typeof workerStates)[number];

/** The note of a worker whose own connection to Redis does not work; one sentence, for everybody. */
export const hintsLateNote = 'No hints reach it, so it looks for jobs every second.';

export interface WorkerReport {
  readonly id: string;
  readonly state: WorkerState;
  /** 0..1 of the load's phase, else null. */
  readonly loadProgress: number | null;
  /** Why it failed, why the shipped model runs, {@link hintsLateNote}, or the phase of its load in the words of `loadPhases`; else null. */
  readonly note: string | null;
  /** Null until the model is known. */
  readonly model: ModelIdentity | null;
  /** Generations it can run at once. */
  readonly slots: number;
  readonly busy: number;
}

export interface WorkerStore {
  /** Inserts or replaces the worker's row; its heartbeat is the database's now. */
  report(worker: WorkerReport): Promise<void>;
  /** Workers whose last report is at most `maxAgeMs` old, by id. */
  listLive(maxAgeMs: number): Promise<readonly WorkerReport[]>;
  /** A worker that stops cleanly takes its row away. */
  remove(id: string): Promise<void>;
}

/** Of a pool to a server. */
export interface ConnectionCounts {
  readonly inUse: number;
  readonly idle: number;
  /** Who waits for one. */
  readonly waiting: number;
}

/** Everything the service keeps. Methods throw `AppError` `database_unavailable` when the database cannot be reached. */
export interface Store {
  readonly jobs: JobStore;
  readonly generations: GenerationStore;
  readonly models: ModelStore;
  readonly workers: WorkerStore;
  readonly apiKeys: ApiKeyStore;
  /** Brings the schema up to date; safe to run from several processes at once. */
  migrate(): Promise<void>;
  /** @throws {AppError} `database_unavailable` unless the database answers and has every migration of this code */
  requireReady(): Promise<void>;
  /** As they are now; null where the database is a file. */
  connections(): ConnectionCounts | null;
  /** Why calls failed in the last seconds although others may succeed, as writes do when the disk is full: a sentence for everybody. Null: they do not. */
  problem(): string | null;
  stop(): Promise<void>;
}
