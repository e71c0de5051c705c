/** `/jobs`: submits, reads, waits for, lists, cancels and deletes jobs. */
import {
  cancelJobRoute,
  createJobRoute,
  deleteJobRoute,
  getJobRoute,
  jobPath,
  listJobsRoute,
  presentDryRun,
  presentJob,
  toJobTerms,
  toTextRequest,
} from '@prosemill/contract';
import { isTerminal, type Job, noEstimate } from '@prosemill/core';
import type { ApiServices } from '../api-services.ts';
import type { AddRoute } from '../route-table.ts';
import { cancelJob } from '../services/cancel-job.ts';
import { deleteJob } from '../services/delete-job.ts';
import { findJob, jobGone, jobNotFound, requireKept } from '../services/find-job.ts';
import type { Submission } from '../services/submit-job.ts';
import { isUuid } from '../wire/is-uuid.ts';
import { etagOf, etagOfPage, serverTiming, setPollHeaders } from '../wire/job-headers.ts';
import { matchesEtag } from '../wire/matches-etag.ts';
import { linkNextPage } from '../wire/next-link.ts';
import { wantsStream } from '../wire/prefers.ts';
import { answerAccepted } from './answer-accepted.ts';
import { requireRoom, streamAccepted } from './stream-job.ts';

export function addJobRoutes(addRoute: AddRoute, services: ApiServices): void {
  const { store, submitJob, dryRun, feed, wakeUps, estimates } = services;
  const { jobs } = store;

  addRoute(createJobRoute, async (c) => {
    const body = c.req.valid('json');
    const { ownerId } = c.get('caller');
    const isStream = wantsStream(c.req.header('Accept'));
    if (isStream) requireRoom(services, ownerId);
    const submission: Submission = {
      ownerId,
      request: toTextRequest(body),
      terms: { ...toJobTerms(body), isWatched: isStream },
      priorityClass: 1,
      trace: c.get('trace'),
      idempotencyKey: c.req.valid('header')['idempotency-key'],
    };
    if (c.req.valid('query').dry_run === 'true') return c.json(presentDryRun(await dryRun(submission)), 200);
    const accepted = await submitJob(submission);
    if (isStream) return streamAccepted(c, services, accepted, body.on_disconnect);
    return answerAccepted(c, accepted, await estimates.afterSubmit(accepted));
  });

  addRoute(getJobRoute, async (c) => {
    const startedAt = performance.now();
    const ifNoneMatch = c.req.valid('header')['if-none-match'];
    const { wait } = c.req.valid('query');
    const { id } = c.req.valid('param');
    const found = await findJob(jobs, { ownerId: c.get('caller').ownerId, id });
    c.set('jobId', found.id);
    const isUnchanged = (job: Job) => matchesEtag(ifNoneMatch, etagOf(job));
    const isDone = (job: Job) => isTerminal(job.status) || (ifNoneMatch !== undefined && !isUnchanged(job));
    const job =
      wait === undefined
        ? found
        : await feed.wait({ job: found, until: isDone, timeoutMs: wait * 1_000, signal: c.req.raw.signal });
    if (job === null) throw jobGone(found.id);
    const estimate = await estimates.of(job);
    c.header('ETag', etagOf(job));
    setPollHeaders(c, job, estimate);
    if (wait !== undefined) c.header('Server-Timing', serverTiming(job, performance.now() - startedAt));
    if (isUnchanged(job)) return c.body(null, 304);
    return c.json(presentJob(job, { estimate, basePath: c.get('basePath') }), 200);
  });

  addRoute(listJobsRoute, async (c) => {
    const basePath = c.get('basePath');
    const query = c.req.valid('query');
    const page = await jobs.list({
      ownerId: c.get('caller').ownerId,
      statuses: query.status,
      retryOf: query.retry_of,
      batchId: query.batch_id,
      search: query.q,
      metadata: query.metadata,
      createdAfter: query.created_after,
      createdBefore: query.created_before,
      after: query.cursor ?? null,
      limit: query.limit,
    });
    const known = await estimates.ofPage(page.items);
    const etag = etagOfPage(page, known);
    c.header('ETag', etag);
    if (matchesEtag(c.req.valid('header')['if-none-match'], etag)) return c.body(null, 304);
    const data = page.items.map((job) => presentJob(job, { estimate: known.get(job.id) ?? noEstimate, basePath }));
    return c.json({ data, has_more: page.hasMore, next_cursor: linkNextPage(c, page) }, 200);
  });

  addRoute(cancelJobRoute, async (c) => {
    const [basePath, caller] = [c.get('basePath'), c.get('caller')];
    const { id } = c.req.valid('param');
    const canceled = isUuid(id)
      ? await cancelJob({ jobs, wakeUps }, { ownerId: caller.ownerId, id: id.toLowerCase() })
      : null;
    const job = requireKept(canceled, id);
    c.set('jobId', job.id);
    const estimate = await estimates.of(job);
    c.header('ETag', etagOf(job));
    setPollHeaders(c, job, estimate);
    const body = presentJob(job, { estimate, basePath });
    if (isTerminal(job.status)) return c.json(body, 200);
    c.header('Location', jobPath(job.id, basePath));
    return c.json(body, 202);
  });

  addRoute(deleteJobRoute, async (c) => {
    const { id } = c.req.valid('param');
    if (!isUuid(id)) throw jobNotFound(id);
    await deleteJob({ jobs, wakeUps }, { ownerId: c.get('caller').ownerId, id: id.toLowerCase() });
    c.set('jobId', id.toLowerCase());
    return c.body(null, 204);
  });
}
