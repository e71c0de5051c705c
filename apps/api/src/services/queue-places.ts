/** Places in the queue: the number of jobs ahead of a job, read for each answer. Not part of the ETag. */
import { answerWithin, isRetryable, type Job, type JobStore } from '@prosemill/core';

/** Places below this are exact; others are rounded to a multiple of it. */
const exactPlaces = 1_000;
const countedPlaces = 10 * exactPlaces;
/** The longest wait of an answer for a place that it can do without. */
const patienceMs = 100;

/** @returns null unless the job is queued */
export async function findPlace(jobs: JobStore, job: Job): Promise<number | null> {
  const ahead = job.status === 'queued' ? (await jobs.measureAhead(job, countedPlaces)).jobs : null;
  return ahead === null ? null : rounded(ahead);
}

/** One query for a page of jobs. @returns the places by id, for jobs among the first ten thousand in the queue */
export async function findPlaces(jobs: JobStore, page: readonly Job[]): Promise<ReadonlyMap<string, number>> {
  const queued = page.filter(({ status }) => status === 'queued').map(({ id }) => id);
  const ahead = await jobs.listAhead(queued, countedPlaces);
  return new Map([...ahead].map(([id, load]) => [id, rounded(load.jobs)]));
}

/**
 * The place for an answer to a submit or after a wait. Nothing but the place is missing, so a slow or absent database
 * must not hold up the answer: the place is null when it is not known in time. It is also null from `exactPlaces` on,
 * because a higher count costs as much as several submits.
 */
export async function findPlacePromptly(jobs: JobStore, job: Job): Promise<number | null> {
  if (job.status !== 'queued') return null;
  try {
    const ahead = (await answerWithin(patienceMs, jobs.measureAhead(job, exactPlaces)))?.jobs ?? null;
    return ahead === exactPlaces ? null : ahead;
  } catch (error) {
    if (!isRetryable(error)) throw error;
    return null;
  }
}

const rounded = (ahead: number): number =>
  ahead < exactPlaces ? ahead : Math.round(ahead / exactPlaces) * exactPlaces;
