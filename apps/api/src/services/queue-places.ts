/** Places in the queue: the number of jobs before a job, read for each answer. No part of the ETag. */
import { answerWithin, isRetryable, type Job, type JobStore } from '@prosemill/core';

/** Below this, places are exact; from here on they are rounded to a multiple of it. */
const exactPlaces = 1_000;
const countedPlaces = 10 * exactPlaces;
/** The longest that an answer waits for a place that it can do without. */
const patienceMs = 100;

/** @returns null unless the job is queued */
export async function findPlace(jobs: JobStore, job: Job): Promise<number | null> {
  const ahead = job.status === 'queued' ? await jobs.countAhead(job.id, countedPlaces) : null;
  return ahead === null ? null : rounded(ahead);
}

/** One query for a page of jobs. @returns places by id, of those among the first ten thousand of the queue */
export async function findPlaces(jobs: JobStore, page: readonly Job[]): Promise<ReadonlyMap<string, number>> {
  const queued = page.filter(({ status }) => status === 'queued').map(({ id }) => id);
  const ahead = await jobs.listAhead(queued, countedPlaces);
  return new Map([...ahead].map(([id, count]) => [id, rounded(count)]));
}

/**
 * The place for an answer to a submit or after a wait. The job is safe, or the wait is over, so a slow or absent
 * database must not hold up the answer: the place is null when it is not known in time. It is also null from
 * `exactPlaces` on, because counting further costs as much as several submits.
 */
export async function findPlacePromptly(jobs: JobStore, job: Job): Promise<number | null> {
  if (job.status !== 'queued') return null;
  try {
    const ahead = await answerWithin(patienceMs, jobs.countAhead(job.id, exactPlaces));
    return ahead === exactPlaces ? null : ahead;
  } catch (error) {
    if (!isRetryable(error)) throw error;
    return null;
  }
}

const rounded = (ahead: number): number =>
  ahead < exactPlaces ? ahead : Math.round(ahead / exactPlaces) * exactPlaces;
