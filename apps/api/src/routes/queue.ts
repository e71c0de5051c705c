/** `/admin/queue`: the pause is stored in the database, so one request reaches every worker. */
import { getQueueRoute, pauseQueueRoute, presentQueue, resumeQueueRoute } from '@prosemill/contract';
import type { Pauser } from '@prosemill/core';
import type { ApiServices } from '../api-services.ts';
import type { Caller } from '../auth/caller.ts';
import type { AddRoute } from '../route-table.ts';
import { resumeQueue } from '../services/resume-queue.ts';

export function addQueueRoutes(addRoute: AddRoute, { store, hints }: ApiServices): void {
  const { jobs } = store;

  addRoute(getQueueRoute, async (c) => c.json(presentQueue(await jobs.readPause()), 200));

  addRoute(pauseQueueRoute, async (c) => {
    const pause = await jobs.pause(pauserOf(c.var.caller));
    c.var.logger.warn({}, 'the queue is paused');
    return c.json(presentQueue(pause), 200);
  });

  addRoute(resumeQueueRoute, async (c) => {
    await resumeQueue(jobs, hints, c.var.logger);
    c.var.logger.info({}, 'the queue goes on');
    return c.json(presentQueue(null), 200);
  });
}

const pauserOf = ({ ownerId, key }: Caller): Pauser => ({
  ownerId,
  key: key && { id: key.id, name: key.name, prefix: key.prefix },
});
