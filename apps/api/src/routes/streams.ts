/** `/jobs/{id}/stream` and `/jobs/{id}/events`: a job as it happens, and as it happened. */
import { listJobEventsRoute, presentEventLog, streamJobRoute } from '@prosemill/contract';
import type { ApiServices } from '../api-services.ts';
import type { AddRoute } from '../route-table.ts';
import { findJob } from '../services/find-job.ts';
import { requireRoom, streamJob } from './stream-job.ts';

export function addStreamRoutes(addRoute: AddRoute, services: ApiServices): void {
  const { jobs } = services.store;

  addRoute(streamJobRoute, async (c) => {
    const { id } = c.req.valid('param');
    const { ownerId } = c.var.caller;
    const position = c.req.valid('header')['last-event-id'] ?? c.req.valid('query').after;
    const job = await findJob(jobs, { ownerId, id });
    c.set('jobId', job.id);
    requireRoom(services, ownerId);
    return streamJob(c, services, { job, position });
  });

  addRoute(listJobEventsRoute, async (c) => {
    const { id } = c.req.valid('param');
    const { ownerId } = c.var.caller;
    const job = await findJob(jobs, { ownerId, id });
    c.set('jobId', job.id);
    return c.json(presentEventLog((await jobs.listEvents(ownerId, job.id)) ?? []), 200);
  });
}
