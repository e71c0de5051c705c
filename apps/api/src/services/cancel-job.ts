/** Cancels a job: at once while it is queued; a running one ends as soon as its worker hears of it. */
import { isTerminal, type Job, type JobStore, type WakeUps } from '@prosemill/core';

/** @returns the job as it is afterwards; null for an unknown id and for another owner's */
export async function cancelJob(
  { jobs, wakeUps }: { readonly jobs: JobStore; readonly wakeUps: WakeUps },
  { ownerId, id }: Pick<Job, 'ownerId' | 'id'>,
): Promise<Job | null> {
  const job = await jobs.requestCancel(ownerId, id);
  if (job !== null) wakeUps.publish({ type: isTerminal(job.status) ? 'job-changed' : 'job-cancel', ids: [id] });
  return job;
}
