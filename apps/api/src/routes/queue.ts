/** `/admin/queue`: the state is the database's, so that one request reaches every worker. */
import { pauseQueueRoute, resumeQueueRoute } from '@prosemill/contract';
import { errorLine, type Logger } from '@prosemill/core';
import type { ApiServices } from '../api-services.ts';
import type { AddRoute } from '../route-table.ts';

/** The reconcilers send the hints of the rest. */
const firstHints = 500;

export function addQueueRoutes(addRoute: AddRoute, services: ApiServices): void {
  const { jobs } = services.store;

  addRoute(pauseQueueRoute, async (c) => {
    await jobs.setPaused(true);
    c.var.logger.warn({}, 'the queue is paused');
    return c.json({ paused: true }, 200);
  });

  addRoute(resumeQueueRoute, async (c) => {
    await jobs.setPaused(false);
    c.var.logger.info({}, 'the queue goes on');
    void sendHints(services, c.var.logger);
    return c.json({ paused: false }, 200);
  });
}

/** The permits of those that waited are used up: nothing was claimable when they came. */
async function sendHints({ store, hints }: ApiServices, logger: Logger): Promise<void> {
  try {
    await hints.send(await store.jobs.listClaimable({ after: null, limit: firstHints }));
  } catch (error) {
    logger.debug({ reason: errorLine(error) }, 'hints may be lost; the workers will make up for them');
  }
}
