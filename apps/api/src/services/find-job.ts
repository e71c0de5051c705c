/** Finds a job by the id that a client sent. */
import { AppError, type Job, type JobStore } from '@prosemill/core';
import { isUuid } from '../wire/is-uuid.ts';

/**
 * @throws {AppError} `not_found`, the same for a malformed id, an unknown one, and one of another owner's job; `gone`
 *   for a deleted job
 */
export async function findJob(jobs: JobStore, { ownerId, id }: Pick<Job, 'ownerId' | 'id'>): Promise<Job> {
  const job = isUuid(id) ? await jobs.find(ownerId, id.toLowerCase()) : null;
  return requireKept(job, id);
}

/** @throws {AppError} `not_found` for no job, `gone` for a deleted one */
export function requireKept(job: Job | null, id: string): Job {
  if (job === null) throw jobNotFound(id);
  if (job.purgedAt !== null) throw jobGone(id);
  return job;
}

export const jobNotFound = (id: string): AppError =>
  new AppError('not_found', { message: `There is no job ${id.slice(0, 64)}.` });

export const jobGone = (id: string): AppError => new AppError('gone', { message: `The job ${id} was deleted.` });
