/** `/batches`: submits, reads, waits for and cancels batches. */
import {
  batchLimits,
  batchPath,
  cancelBatchRoute,
  createBatchRoute,
  getBatchRoute,
  hasBatchEnded,
  presentBatch,
  toJobRequests,
} from '@prosemill/contract';
import { AppError, type Batch, type Job, type JobEstimate, noEstimate } from '@prosemill/core';
import type { Context } from 'hono';
import type { ApiEnv } from '../api-env.ts';
import type { ApiServices } from '../api-services.ts';
import type { AddRoute } from '../route-table.ts';
import { awaitBatch } from '../services/await-batch.ts';
import { isUuid } from '../wire/is-uuid.ts';
import { etagOfBatch, setPollWait } from '../wire/job-headers.ts';
import { matchesEtag } from '../wire/matches-etag.ts';

export function addBatchRoutes(addRoute: AddRoute, services: ApiServices): void {
  const { store, submitBatch, feed, wakeUps, estimates } = services;
  const { batches, jobs } = store;

  /** Sets the headers of an answer about a batch. @returns its body */
  async function present(c: Context<ApiEnv>, batch: Batch) {
    const basePath = c.get('basePath');
    if (hasBatchEnded(batch)) return presentBatch(batch, { finishAt: null, basePath });
    const query = { ownerId: batch.ownerId, batchId: batch.id, after: null, limit: batchLimits.requests };
    const { items } = await jobs.list({ ...query, statuses: ['queued', 'running'] });
    const { finishAt, finishInMs } = lastOf(items, await estimates.ofPage(items));
    setPollWait(c, finishInMs);
    return presentBatch(batch, { finishAt, basePath });
  }

  addRoute(createBatchRoute, async (c) => {
    const requests = toJobRequests(c.req.valid('json'));
    if (requests.length > 1) await c.get('takeTokens')(requests.length - 1);
    const { batch, isReplay } = await submitBatch({
      ownerId: c.get('caller').ownerId,
      requests,
      priorityClass: 1,
      trace: c.get('trace'),
      idempotencyKey: c.req.valid('header')['idempotency-key'],
    });
    if (isReplay) c.header('Idempotent-Replayed', 'true');
    c.header('Location', batchPath(batch.id, c.get('basePath')));
    return c.json(await present(c, batch), 202);
  });

  addRoute(getBatchRoute, async (c) => {
    const { ownerId } = c.get('caller');
    const { wait } = c.req.valid('query');
    const { id } = c.req.valid('param');
    const found = isUuid(id) ? await batches.find(ownerId, id.toLowerCase()) : null;
    if (found === null) throw batchNotFound(id);
    const { signal } = c.req.raw;
    const batch =
      wait === undefined ? found : await awaitBatch(found, { store, feed, timeoutMs: wait * 1_000, signal });
    const body = await present(c, batch);
    c.header('ETag', etagOfBatch(batch));
    if (matchesEtag(c.req.valid('header')['if-none-match'], etagOfBatch(batch))) return c.body(null, 304);
    return c.json(body, 200);
  });

  addRoute(cancelBatchRoute, async (c) => {
    const { id } = c.req.valid('param');
    const canceled = isUuid(id) ? await batches.requestCancel(c.get('caller').ownerId, id.toLowerCase()) : null;
    if (canceled === null) throw batchNotFound(id);
    const { batch, changed } = canceled;
    const running = new Set(batch.jobs.filter(({ status }) => status === 'running').map((job) => job.id));
    const [stopping, ended] = [changed.filter((job) => running.has(job)), changed.filter((job) => !running.has(job))];
    if (stopping.length > 0) wakeUps.publish({ type: 'job-cancel', ids: stopping });
    if (ended.length > 0) wakeUps.publish({ type: 'job-changed', ids: ended });
    c.header('ETag', etagOfBatch(batch));
    const body = await present(c, batch);
    if (hasBatchEnded(batch)) return c.json(body, 200);
    c.header('Location', batchPath(batch.id, c.get('basePath')));
    return c.json(body, 202);
  });
}

/** The estimate of the job that ends last; none unless the ends of all are known. */
const lastOf = (jobs: readonly Job[], known: ReadonlyMap<string, JobEstimate>): JobEstimate =>
  jobs
    .map(({ id }) => known.get(id) ?? noEstimate)
    .reduce(
      (last, each) => {
        if (last.finishInMs === null || each.finishInMs === null) return noEstimate;
        return each.finishInMs > last.finishInMs ? each : last;
      },
      known.get(jobs[0]?.id ?? '') ?? noEstimate,
    );

const batchNotFound = (id: string): AppError =>
  new AppError('not_found', { message: `There is no batch ${id.slice(0, 64)}.` });
