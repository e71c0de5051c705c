/** Waits for the job of a submit as its client prefers. */
import { isTerminal, type Job } from '@prosemill/core';
import type { Context } from 'hono';
import type { ApiEnv } from '../api-env.ts';
import type { JobFeed } from '../services/job-feed.ts';
import type { Accepted } from '../services/submit-job.ts';
import { serverTiming } from '../wire/job-headers.ts';
import type { Preference } from '../wire/preference.ts';

export interface AwaitJobOptions {
  readonly feed: JobFeed;
  readonly preference: Preference;
  /** When the request arrived, by `performance.now()`. */
  readonly startedAt: number;
}

/** Also sets the headers that every answer after a submit has, errors of the ended job included. */
export async function awaitJob(
  c: Context<ApiEnv>,
  { job, isReplay }: Accepted,
  { feed, preference, startedAt }: AwaitJobOptions,
): Promise<Job> {
  c.set('jobId', job.id);
  if (isReplay) c.header('Idempotent-Replayed', 'true');
  if (preference.applied !== null) c.header('Preference-Applied', preference.applied);
  if (preference.waitMs === 0) return job;
  const latest = await feed.wait({
    job,
    until: ({ status }) => isTerminal(status),
    timeoutMs: preference.waitMs,
    signal: c.req.raw.signal,
  });
  c.header('Server-Timing', serverTiming(latest ?? job, performance.now() - startedAt));
  return latest ?? job;
}
