/** `/admin/queue`: the pause is stored in the database, so one request reaches every worker. */
import { pauseQueueRoute, resumeQueueRoute } from '@prosemill/contract';
import type { ApiServices } from '../api-services.ts';
import type { AddRoute } from '../route-table.ts';
import { resumeQueue } from '../services/resume-queue.ts';

export function addQueueRoutes(addRoute: AddRoute, { store, hints }: ApiServices): void {
  const { jobs } = store;

  addRoute(pauseQueueRoute, async (c) => {
    await jobs.setPaused(true);
    c.var.logger.warn({}, 'the queue is paused');
    return c.json({ paused: true }, 200);
  });

  addRoute(resumeQueueRoute, async (c) => {
    await resumeQueue(jobs, hints, c.var.logger);
    c.var.logger.info({}, 'the queue goes on');
    return c.json({ paused: false }, 200);
  });
}
