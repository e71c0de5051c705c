/** Waits for the texts of jobs that one request made. */
import { presentTimings } from '@prosemill/contract';
import { AppError, isTerminal, type Job } from '@prosemill/core';
import { endingError } from './ending-error.ts';
import { type JobFeed, tooManyWatchers } from './job-feed.ts';

export interface AwaitTextsOptions {
  readonly feed: Pick<JobFeed, 'wait' | 'hasRoom'>;
  readonly isStopping: () => boolean;
  readonly timeoutMs: number;
  /** Aborted when the client disconnects. */
  readonly signal: AbortSignal;
}

/**
 * The jobs go on, whatever ends the wait.
 * @returns the succeeded jobs, in order
 * @throws {AppError} the error of the first job that ends without a text; `deadline_exceeded` when the time is over;
 *   `shutting_down`; `rate_limited` when the owner has too many watchers
 */
export async function awaitTexts(jobs: readonly Job[], options: AwaitTextsOptions): Promise<readonly Job[]> {
  const { feed, timeoutMs, signal } = options;
  requireWatchers(feed, jobs);
  const over = new AbortController();
  const awaitText = async (job: Job): Promise<Job> => {
    const latest = await feed.wait({ job, until: hasEnded, timeoutMs, signal: AbortSignal.any([signal, over.signal]) });
    return requireEnd(latest ?? job, options);
  };
  try {
    return await Promise.all(jobs.map(awaitText));
  } finally {
    over.abort();
  }
}

const hasEnded = ({ status }: Job): boolean => isTerminal(status);

function requireEnd(job: Job, { isStopping, timeoutMs }: AwaitTextsOptions): Job {
  if (hasEnded(job)) return requireText(job);
  if (isStopping()) throw shuttingDown();
  throw new AppError('deadline_exceeded', {
    message: `The text did not come within ${timeoutMs / 1_000} s. Its job goes on: GET /jobs/${job.id}.`,
    details: { job_id: job.id, timings: presentTimings(job) },
  });
}

/**
 * Other requests may have taken the room while the jobs were stored. Call it in the same step of the event loop in
 * which the watches begin. Names a job, so that clients do not repeat the request: its jobs go on.
 * @throws {AppError} `rate_limited`
 */
export function requireWatchers(feed: Pick<JobFeed, 'hasRoom'>, jobs: readonly Job[]): void {
  const [first, ...others] = jobs.filter((job) => !hasEnded(job));
  if (first === undefined || feed.hasRoom(first.ownerId, 1 + others.length)) return;
  throw tooManyWatchers(`The jobs of this one go on: GET /jobs/${first.id}.`, { job_id: first.id });
}

/** @param job  Has ended. @throws {AppError} its error unless it has succeeded */
export function requireText(job: Job): Job {
  if (job.status !== 'succeeded') throw endingError(job);
  return job;
}

/** Names no job, so that clients repeat the request. Another process answers it, though with another job. */
export const shuttingDown = (): AppError =>
  new AppError('shutting_down', { message: 'This process is shutting down; another one will answer.' });
