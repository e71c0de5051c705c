/** Idempotency keys: a request that is repeated with its key gets the job of the first one. */
import type { JobStatus } from './job.ts';

/** A client's name for one request; unique for its owner. */
export interface IdempotencyKey {
  /** 1 to 255 visible ASCII characters. */
  readonly key: string;
  /** The hash of the client's own values. It tells a repetition from another request. */
  readonly requestHash: string;
}

/** A key is kept for this long after the submit of its job. */
export const idempotencyKeyMs = 24 * 60 * 60 * 1_000;

/** True for a job that failed or expired: the next request with its key makes a new job. */
export const releasesIdempotencyKey = (status: JobStatus): boolean => status === 'failed' || status === 'expired';
