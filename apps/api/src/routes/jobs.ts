/** `/jobs`: submit, read, wait, list, cancel. */
import { cancelJobRoute, createJobRoute, getJobRoute, listJobsRoute } from '@prosemill/contract';
import { AppError, isTerminal, type Job } from '@prosemill/core';
import type { Context } from 'hono';
import type { ApiEnv } from '../api-env.ts';
import type { ApiServices } from '../api-services.ts';
import type { AddRoute } from '../route-table.ts';
import { isUuid } from '../wire/is-uuid.ts';
import { linkNextPage } from '../wire/next-link.ts';
import {
  etagOf,
  jobHeaders,
  jobPath,
  matchesEtag,
  presentJob,
  presentJobs,
  presentPromptly,
  retryAfterSeconds,
  serverTiming,
} from '../wire/present-job.ts';

export function addJobRoutes(addRoute: AddRoute, services: ApiServices): void {
  const { store, submitJob, wakeUps } = services;

  const presentation = (c: Context<ApiEnv>) => ({ jobs: store.jobs, basePath: c.var.basePath });

  addRoute(createJobRoute, async (c) => {
    const { job, isReplay } = await submitJob({
      ownerId: c.var.caller.ownerId,
      request: c.req.valid('json'),
      priorityClass: 1,
      trace: c.var.trace,
      idempotencyKey: c.req.valid('header')['idempotency-key'],
    });
    c.set('jobId', job.id);
    if (isReplay) c.header('Idempotent-Replayed', 'true');
    c.header('Location', jobPath(job.id, c.var.basePath));
    if (!isTerminal(job.status)) c.header('Retry-After', retryAfterSeconds);
    return c.json(await presentPromptly(job, presentation(c)), 202);
  });

  addRoute(getJobRoute, async (c) => {
    const startedAt = performance.now();
    const ifNoneMatch = c.req.valid('header')['if-none-match'];
    const { wait } = c.req.valid('query');
    const found = await findJob(services, c.var.caller.ownerId, c.req.valid('param').id);
    c.set('jobId', found.id);
    const isUnchanged = (job: Job) => ifNoneMatch !== undefined && matchesEtag(ifNoneMatch, job);
    const isDone = (job: Job) => isTerminal(job.status) || (ifNoneMatch !== undefined && !isUnchanged(job));
    const job = await waitFor(services, { job: found, seconds: wait, until: isDone, signal: c.req.raw.signal });
    for (const [name, value] of Object.entries(jobHeaders(job))) c.header(name, value);
    if (wait !== undefined) c.header('Server-Timing', serverTiming(job, performance.now() - startedAt));
    if (isUnchanged(job)) return c.body(null, 304);
    const present = wait === undefined ? presentJob : presentPromptly;
    return c.json(await present(job, presentation(c)), 200);
  });

  addRoute(listJobsRoute, async (c) => {
    const query = c.req.valid('query');
    const page = await store.jobs.list({
      ownerId: c.var.caller.ownerId,
      status: query.status ?? null,
      createdAfter: query.created_after ?? null,
      createdBefore: query.created_before ?? null,
      after: query.cursor ?? null,
      limit: query.limit,
    });
    const data = await presentJobs(page.items, presentation(c));
    return c.json({ data, has_more: page.hasMore, next_cursor: linkNextPage(c, page) }, 200);
  });

  addRoute(cancelJobRoute, async (c) => {
    const { id } = await findJob(services, c.var.caller.ownerId, c.req.valid('param').id);
    c.set('jobId', id);
    const job = await store.jobs.requestCancel(c.var.caller.ownerId, id);
    if (job === null) throw notFound(id);
    c.header('ETag', etagOf(job));
    if (isTerminal(job.status)) {
      wakeUps.publish({ type: 'job-changed', ids: [id] });
      return c.json(await presentJob(job, presentation(c)), 200);
    }
    wakeUps.publish({ type: 'job-cancel', ids: [id] });
    c.header('Location', jobPath(id, c.var.basePath));
    c.header('Retry-After', retryAfterSeconds);
    return c.json(await presentJob(job, presentation(c)), 202);
  });
}

async function findJob({ store }: ApiServices, ownerId: string, id: string): Promise<Job> {
  const job = isUuid(id) ? await store.jobs.find(ownerId, id.toLowerCase()) : null;
  if (job === null) throw notFound(id);
  return job;
}

interface Wait {
  readonly job: Job;
  readonly seconds: number | undefined;
  readonly until: (job: Job) => boolean;
  readonly signal: AbortSignal;
}

async function waitFor({ feed }: ApiServices, { job, seconds, until, signal }: Wait): Promise<Job> {
  if (seconds === undefined) return job;
  const latest = await feed.wait({ job, until, timeoutMs: seconds * 1_000, signal });
  if (latest === null) throw notFound(job.id);
  return latest;
}

const notFound = (id: string): AppError =>
  new AppError('not_found', { message: `There is no job ${id.slice(0, 64)}.` });
