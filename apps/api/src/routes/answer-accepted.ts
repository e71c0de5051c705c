/** The answer about a job that its client does not wait for any longer: 202 with the job. */
import { jobPath, presentJob } from '@prosemill/contract';
import type { JobEstimate } from '@prosemill/core';
import type { Context } from 'hono';
import type { ApiEnv } from '../api-env.ts';
import type { Accepted } from '../services/submit-job.ts';
import { setPollHeaders } from '../wire/job-headers.ts';

export function answerAccepted(c: Context<ApiEnv>, { job, isReplay }: Accepted, estimate: JobEstimate) {
  const basePath = c.get('basePath');
  c.set('jobId', job.id);
  if (isReplay) c.header('Idempotent-Replayed', 'true');
  c.header('Location', jobPath(job.id, basePath));
  setPollHeaders(c, job, estimate);
  return c.json(presentJob(job, { estimate, basePath }), 202);
}
