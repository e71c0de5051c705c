/** Accepts a batch, or finds the batch of an earlier request with the same idempotency key. */
import { type Batch, type BatchStore, newId } from '@prosemill/core';
import type { AdmitJobs } from './admit-jobs.ts';
import { hashRequests } from './hash-request.ts';
import type { JointSubmission } from './submit-job.ts';

export interface AcceptedBatch {
  readonly batch: Batch;
  /** True for the batch of an earlier request with the same key. */
  readonly isReplay: boolean;
}

/**
 * Stores all jobs or none.
 * @throws {AppError} as {@link AdmitJobs}; `idempotency_key_reused`, `database_unavailable`
 */
export type SubmitBatch = (submission: JointSubmission) => Promise<AcceptedBatch>;

export interface SubmitBatchOptions {
  readonly batches: BatchStore;
  readonly admitJobs: AdmitJobs;
}

const pointerOf = (index: number): string => `/requests/${index}/prompt`;

export const createSubmitBatch = ({ batches, admitJobs }: SubmitBatchOptions): SubmitBatch =>
  async function submitBatch(submission) {
    const { ownerId, requests, idempotencyKey: key } = submission;
    const idempotency = key === undefined ? undefined : { key, requestHash: hashRequests(requests) };
    const earlier = idempotency && (await batches.findByIdempotencyKey(ownerId, idempotency));
    if (earlier != null) return { batch: earlier, isReplay: true };
    const id = newId();
    return await admitJobs({ ...submission, pointerOf }, async (newJobs) => {
      const jobs = newJobs.map((job) => ({ ...job, batchId: id }));
      const batch = await batches.submit({ id, ownerId, jobs, ...(idempotency && { idempotency }) });
      // Another request with the same key may have been first; its process sends the hints.
      const isReplay = batch.id !== id;
      return { result: { batch, isReplay }, fresh: isReplay ? [] : jobs };
    });
  };
