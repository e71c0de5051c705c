/** Cancels a job: a queued one at once, a running one as soon as its worker hears of it. */
import { isTerminal, type Job, type JobStore, type WakeUps } from '@prosemill/core';

/** @returns the job afterwards; null for an unknown id or another owner's */
export async function cancelJob(
  { jobs, wakeUps }: { readonly jobs: JobStore; readonly wakeUps: WakeUps },
  { ownerId, id }: Pick<Job, 'ownerId' | 'id'>,
): Promise<Job | null> {
  const job = await jobs.requestCancel(ownerId, id);
  if (job !== null) wakeUps.publish({ type: isTerminal(job.status) ? 'job-changed' : 'job-cancel', ids: [id] });
  return job;
}
