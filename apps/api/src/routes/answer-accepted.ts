/** The answer to a submit that does not wait: 202 with the job. */
import { jobPath, presentJob } from '@prosemill/contract';
import { isTerminal, type JobStore } from '@prosemill/core';
import type { Context } from 'hono';
import type { ApiEnv } from '../api-env.ts';
import { findPlacePromptly } from '../services/queue-places.ts';
import type { Accepted } from '../services/submit-job.ts';
import { retryAfterSeconds } from '../wire/job-headers.ts';

export async function answerAccepted(c: Context<ApiEnv>, jobs: JobStore, { job, isReplay }: Accepted) {
  const { basePath } = c.var;
  c.set('jobId', job.id);
  if (isReplay) c.header('Idempotent-Replayed', 'true');
  c.header('Location', jobPath(job.id, basePath));
  if (!isTerminal(job.status)) c.header('Retry-After', retryAfterSeconds);
  return c.json(presentJob(job, { ahead: await findPlacePromptly(jobs, job), basePath }), 202);
}
