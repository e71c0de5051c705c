/** Idempotency keys: a request that is repeated with its key gets the job of the first one. */
import type { JobStatus } from './job.ts';

/** A client's name for one request; unique for its owner. */
export interface IdempotencyKey {
  /** 1 to 255 visible ASCII characters. */
  readonly key: string;
  /** Of the request without what the service chose; tells a repetition from another request. */
  readonly requestHash: string;
}

/** How long a key is kept, from its job's submit. */
export const idempotencyKeyMs = 24 * 60 * 60 * 1_000;

/** A job that ended without the client's doing gives its key back: the next request with it is a new job. */
export const releasesIdempotencyKey = (status: JobStatus): boolean => status === 'failed' || status === 'expired';
