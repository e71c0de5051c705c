/** The port of the database for jobs and their transitions. */
import type { ApiKey } from '../api-key.ts';
import type { IdempotencyKey } from '../idempotency.ts';
import type { Job, JobStatus, JobTerms, ModelIdentity, PriorityClass } from '../job.ts';
import type { Outcome, OutcomeReceipt } from '../outcome.ts';
import type { GenerateRequest } from '../text-request.ts';
import type { JobEvent } from '../transitions.ts';
import type { Hint } from './hint-queue.ts';
import type { Cursor, Page } from './page.ts';

export interface NewJob extends GenerateRequest, Omit<JobTerms, 'priority'> {
  /** UUID v7 from `newId()`. */
  readonly id: string;
  readonly ownerId: string;
  readonly priorityClass: PriorityClass;
  readonly maxAttempts: number;
  readonly hasOwnSeed: boolean;
  readonly tokenBudget: number | null;
  /** The span of the submit, in the format of `formatTraceparent`. */
  readonly traceparent: string;
  /** Absent when the job has no key. */
  readonly idempotency?: IdempotencyKey;
}

/** The fencing token: names one attempt at one job. */
export interface ClaimKey {
  readonly id: string;
  readonly attempt: number;
}

/** A job that a worker holds. */
export interface ClaimedJob {
  readonly job: Job;
  /** Time left until the deadline at the claim; null: no deadline. */
  readonly remainingMs: number | null;
  /** Time from the submit, or from the end of the last retry delay, to the claim. */
  readonly waitedMs: number;
  /** Time from the submit to the claim. */
  readonly ageMs: number;
}

export interface ClaimOptions {
  readonly workerId: string;
  readonly model: ModelIdentity;
  readonly leaseMs: number;
  /** Claims the first row by (class, turn, id) of at least this class; if there is none, from the class below. */
  readonly fromClass: PriorityClass;
}

/** The state of a job at a renewal, for a worker that may have missed a wake-up. */
export interface Renewal {
  readonly cancelRequested: boolean;
  readonly isWatched: boolean;
}

/** Conditions on the words and the metadata of a job; an absent one holds for every job. */
export interface TextFilter {
  /** As {@link parseSearch} reads it: every phrase is in the prompt or the completion. */
  readonly search?: string | undefined;
  /** All of these pairs. */
  readonly metadata?: readonly (readonly [key: string, value: string])[] | undefined;
}

/** Conditions on the jobs of a list; an absent one holds for every job. */
export interface JobFilter extends TextFilter {
  /** One of these. */
  readonly statuses?: readonly JobStatus[] | undefined;
  readonly retryOf?: string | undefined;
  readonly batchId?: string | undefined;
  /** Inclusive. */
  readonly createdAfter?: Date | undefined;
  /** Exclusive. */
  readonly createdBefore?: Date | undefined;
}

export interface JobQuery extends JobFilter {
  readonly ownerId: string;
  readonly after: Cursor<string> | null;
  readonly limit: number;
}

/** A number of jobs, and their token budgets together. */
export interface QueueLoad {
  readonly jobs: number;
  readonly tokens: number;
}

/** A place in the claim order. */
export type ClaimPlace = Pick<Job, 'priorityClass' | 'turn' | 'id'>;

/** A queued job, and the load of the queued jobs before it in the claim order. */
export interface QueueMark extends ClaimPlace {
  readonly ahead: QueueLoad;
}

export interface EndedJob extends Pick<Job, 'id' | 'status' | 'createdAt'> {
  readonly finishedAt: Date;
}

/** The state of a job, without its content. */
export type JobVersion = Pick<Job, 'id' | 'ownerId' | 'status' | 'version'>;

/**
 * Jobs of these owners: those that were submitted or ended in the last `ms`, those that run, and those with these ids.
 */
export interface RecentJobQuery {
  readonly ownerIds: readonly string[];
  readonly ms: number;
  readonly ids: readonly string[];
  readonly limit: number;
}

/** Numbers of jobs that have not ended. Classes and owners without jobs are left out. */
export interface QueueMeasure {
  readonly queued: number;
  readonly running: number;
  readonly queuedTokens: number;
  readonly runningTokens: number;
  /** The times since the claims of the running jobs, added up. */
  readonly runningMs: number;
  readonly queuedByClass: ReadonlyMap<PriorityClass, number>;
  readonly runningByClass: ReadonlyMap<PriorityClass, number>;
  readonly queuedByOwner: ReadonlyMap<string, QueueLoad>;
  /** Time since the submit of the oldest queued job; null when none is queued. */
  readonly oldestQueuedMs: number | null;
}

/** The sender of the request that paused the queue. */
export interface Pauser {
  readonly ownerId: string;
  /** Null where no key is needed, and for ADMIN_KEY. */
  readonly key: Pick<ApiKey, 'id' | 'name' | 'prefix'> | null;
}

export interface QueuePause {
  readonly pausedAt: Date;
  /** Null for a pause by a version that did not store it. */
  readonly pausedBy: Pauser | null;
}

/**
 * - `purged`: the content is gone, by this call or an earlier one.
 * - `unfinished`: nothing is purged, because the job has not ended.
 * - `verifying`: nothing is purged, because a verification of the job has not ended.
 * - `unknown`: an unknown id, or another owner's job.
 */
export type PurgeReceipt = 'purged' | 'unfinished' | 'verifying' | 'unknown';

/** Jobs and their transitions. Every method is one statement or one transaction. */
export interface JobStore {
  /**
   * Commits a queued job, its first event and its idempotency key. The turn is chosen in the same transaction.
   * @returns the job, or the earlier job that its idempotency key holds
   * @throws {AppError} `idempotency_key_reused` when the key holds the job of another request
   */
  submit(job: NewJob): Promise<Job>;
  /** Submits jobs that belong together: all of them in one transaction, or none. @returns their jobs, as `submit` */
  submitAll(jobs: readonly NewJob[]): Promise<readonly Job[]>;
  /**
   * Finds the job that a key holds. Null for a free key: unknown, a day old, or given back by its job.
   * @throws {AppError} `idempotency_key_reused` when the job is of another request
   */
  findByIdempotencyKey(ownerId: string, key: IdempotencyKey): Promise<Job | null>;
  /** A purged job is found as a tombstone. Null for an unknown id and for another owner's job. */
  find(ownerId: string, id: string): Promise<Job | null>;
  /** Purged jobs are left out. */
  list(query: JobQuery): Promise<Page<Job>>;
  /**
   * Lists the transitions of a job, oldest first. Those of a purged job are kept. Null for an unknown id and for
   * another owner's job.
   */
  listEvents(ownerId: string, id: string): Promise<readonly JobEvent[] | null>;
  /** Measures the queued jobs before a place in the claim order, at most the first `limit` of them. */
  measureAhead(place: ClaimPlace, limit: number): Promise<QueueLoad>;
  /** `measureAhead` of many jobs in one query. Jobs that are not among the first `limit` queued ones are left out. */
  listAhead(ids: readonly string[], limit: number): Promise<ReadonlyMap<string, QueueLoad>>;
  /** Lists every `interval`-th queued job in the claim order, beginning with the first. */
  listMarks(interval: number): Promise<readonly QueueMark[]>;
  /** The turn that a submit at this moment would get. */
  nextTurn(ownerId: string, priorityClass: PriorityClass): Promise<number>;
  /** Lists jobs that may have changed lately, without verifications and in no order. Unknown ids are left out. */
  listRecent(query: RecentJobQuery): Promise<readonly JobVersion[]>;
  /** Lists the jobs among these that have ended. */
  listEnded(ids: readonly string[]): Promise<readonly EndedJob[]>;
  /**
   * Cancels a queued job at once. Sets `cancelRequestedAt` of a running one, and its worker ends it. Leaves an ended
   * job unchanged.
   * @returns the job after that; null for an unknown id and for another owner's job
   */
  requestCancel(ownerId: string, id: string): Promise<Job | null>;
  /**
   * Removes the content of an ended job and of its verifications for good; a tombstone stays. The idempotency key of
   * the job is free afterwards. Safe to repeat.
   */
  purge(ownerId: string, id: string): Promise<PurgeReceipt>;
  /** Reads the versions of these jobs in one query for all waiters of a process. Unknown ids are left out. */
  versions(ids: readonly string[]): Promise<ReadonlyMap<string, number>>;

  /** Claims the first claimable row; null when there is none. No row is claimable while the queue is paused. */
  claim(options: ClaimOptions): Promise<ClaimedJob | null>;
  /** Prolongs the lease to `leaseMs` from now. @returns null when the attempt no longer holds the job */
  renew(claim: ClaimKey, leaseMs: number): Promise<Renewal | null>;
  /**
   * Notes that an attempt waits for an engine of its own, or does so no more. A lease that runs out meanwhile is no
   * crash. @returns false when the attempt no longer holds the job
   */
  setWaiting(claim: ClaimKey, isWaiting: boolean): Promise<boolean>;
  /**
   * Ends an attempt. A success writes its generation record in the same transaction. Safe to repeat.
   * @param claim  With the job as it was claimed, its row is read only if it has changed since.
   */
  complete(claim: ClaimKey | Job, outcome: Outcome): Promise<OutcomeReceipt>;

  /** Takes at most `limit` running jobs away from workers whose lease ran out. @returns their ids */
  rescueLostJobs(limit: number): Promise<readonly string[]>;
  /** Expires at most `limit` queued jobs whose deadline or start timeout has passed. @returns their ids */
  expireJobs(limit: number): Promise<readonly string[]>;
  /**
   * Purges at most `limit` jobs whose `expiresAt` has passed, and their verifications.
   * @returns the ids of the purged jobs
   */
  purgeExpiredJobs(limit: number): Promise<readonly string[]>;
  /** Deletes at most `limit` idempotency keys that are a day old. @returns the number of deleted keys */
  deleteOldIdempotencyKeys(limit: number): Promise<number>;
  /**
   * Indexes the jobs of at most `limit` waiting entries for the search: those of new jobs and of ended ones, the newest
   * first. @returns the number of these entries
   */
  indexForSearch(limit: number): Promise<number>;
  /** Counts the rows that a worker with this model fingerprint may claim; null: those that every worker may claim. */
  countClaimable(fingerprint: string | null): Promise<number>;
  /** Lists these rows by id, to resend lost hints page by page. `after` is the last id of the page before. */
  listClaimable(options: {
    readonly fingerprint: string | null;
    readonly after: string | null;
    readonly limit: number;
  }): Promise<readonly Hint[]>;
  measureQueue(): Promise<QueueMeasure>;

  /**
   * Pauses the queue: a claim that begins meanwhile finds nothing, in every process. A pause goes on as it is.
   * @returns the pause, which may be an earlier one
   */
  pause(by: Pauser): Promise<QueuePause>;
  /** Ends the pause of the queue, if there is one. */
  resume(): Promise<void>;
  /** Null unless the queue is paused. */
  readPause(): Promise<QueuePause | null>;
}
