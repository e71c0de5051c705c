/** Deletes a job that has ended, for its owner. */
import { AppError, assertNever, type Job, type JobStore, type WakeUps } from '@prosemill/core';
import { jobNotFound } from './find-job.ts';

/**
 * Safe to repeat.
 * @throws {AppError} `not_found` for an unknown id or another owner's; `job_not_finished` for a job that has not ended,
 *   or has a verification that has not
 */
export async function deleteJob(
  { jobs, wakeUps }: { readonly jobs: JobStore; readonly wakeUps: WakeUps },
  { ownerId, id }: Pick<Job, 'ownerId' | 'id'>,
): Promise<void> {
  const receipt = await jobs.purge(ownerId, id);
  switch (receipt) {
    case 'purged':
      wakeUps.publish({ type: 'job-changed', ids: [id] });
      return;
    case 'unknown':
      throw jobNotFound(id);
    case 'unfinished':
      throw notFinished('The job has not ended: cancel it, or wait for its end.');
    case 'verifying':
      throw notFinished('A verification of the job has not ended: wait for its end, or cancel it.');
    default:
      assertNever(receipt);
  }
}

const notFinished = (message: string): AppError => new AppError('job_not_finished', { message });
