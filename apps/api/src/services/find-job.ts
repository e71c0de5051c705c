/** Finds a job by the id that a client sent. */
import { AppError, type Job, type JobStore } from '@prosemill/core';
import { isUuid } from '../wire/is-uuid.ts';

/** @throws {AppError} `not_found`, the same for a malformed id, an unknown one, and one of another owner's job */
export async function findJob(jobs: JobStore, { ownerId, id }: Pick<Job, 'ownerId' | 'id'>): Promise<Job> {
  const job = isUuid(id) ? await jobs.find(ownerId, id.toLowerCase()) : null;
  if (job === null) throw jobNotFound(id);
  return job;
}

export const jobNotFound = (id: string): AppError =>
  new AppError('not_found', { message: `There is no job ${id.slice(0, 64)}.` });
