/** The port of the database for batches. Their jobs are jobs like all others, and change by the port of jobs. */
import type { Batch } from '../batch.ts';
import type { IdempotencyKey } from '../idempotency.ts';
import type { NewJob } from './job-store.ts';

export interface NewBatch {
  /** UUID v7 from `newId()`. */
  readonly id: string;
  readonly ownerId: string;
  /** At least one; each names the batch, has a `customId` and no idempotency key. */
  readonly jobs: readonly NewJob[];
  /** Absent when the batch has no key. */
  readonly idempotency?: IdempotencyKey;
}

/** Every method is one statement or one transaction. */
export interface BatchStore {
  /**
   * Commits a batch: its jobs, their first events and its idempotency key. The jobs get turns in their order.
   * @returns the batch, or the earlier batch that its idempotency key holds
   * @throws {AppError} `idempotency_key_reused` when the key holds something else
   */
  submit(batch: NewBatch): Promise<Batch>;
  /** Null for an unknown id and for another owner's batch. */
  find(ownerId: string, id: string): Promise<Batch | null>;
  /**
   * Finds the batch that a key holds. Null for a free key: unknown, a day old, or of a batch whose jobs are all
   * deleted. The ends of its jobs do not free it.
   * @throws {AppError} `idempotency_key_reused` when the key holds something else
   */
  findByIdempotencyKey(ownerId: string, key: IdempotencyKey): Promise<Batch | null>;
  /**
   * Cancels the queued jobs of a batch, and sets `cancelRequestedAt` of the running ones.
   * @returns the batch after that, and the ids of the jobs that changed; null as `find`
   */
  requestCancel(
    ownerId: string,
    id: string,
  ): Promise<{ readonly batch: Batch; readonly changed: readonly string[] } | null>;
}
