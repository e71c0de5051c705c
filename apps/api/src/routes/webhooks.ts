/** `/webhooks`, and the deliveries of jobs. */
import {
  getSecretRoute,
  listAllDeliveriesRoute,
  listDeliveriesRoute,
  presentDelivery,
  presentDeliverySummary,
  presentSecrets,
  redeliverRoute,
  rotateSecretRoute,
  testWebhookRoute,
} from '@prosemill/contract';
import { AppError } from '@prosemill/core';
import type { ApiServices } from '../api-services.ts';
import type { AddRoute } from '../route-table.ts';
import { findJob } from '../services/find-job.ts';
import { createWebhookSecret } from '../webhooks/sign-message.ts';
import { isUuid } from '../wire/is-uuid.ts';
import { linkNextPage } from '../wire/next-link.ts';

export function addWebhookRoutes(addRoute: AddRoute, { store, webhooks }: ApiServices): void {
  addRoute(getSecretRoute, async (c) => {
    const secrets = await store.webhooks.findSecrets(c.var.caller.ownerId, createWebhookSecret());
    return c.json(presentSecrets(secrets), 200);
  });

  addRoute(rotateSecretRoute, async (c) => {
    const { ownerId, keyId } = c.var.caller;
    const secrets = await store.webhooks.rotateSecret(ownerId, createWebhookSecret());
    c.var.logger.info({ keyId, owner: ownerId }, 'a webhook secret was rotated');
    return c.json(presentSecrets(secrets), 200);
  });

  addRoute(testWebhookRoute, async (c) => {
    const { id, outcome } = await webhooks.test(c.var.caller.ownerId, c.req.valid('json').url);
    if (outcome === null) throw new AppError('shutting_down');
    const { error, statusCode, location, durationMs } = outcome;
    const attempt = { error, status_code: statusCode, location, duration_ms: durationMs };
    return c.json({ id, delivered: error === null, ...attempt }, 200);
  });

  addRoute(listDeliveriesRoute, async (c) => {
    const { ownerId } = c.var.caller;
    const job = await findJob(store.jobs, { ownerId, id: c.req.valid('param').id });
    const deliveries = await store.webhooks.listOfJob(ownerId, job.id);
    return c.json({ data: deliveries.map(presentDelivery) }, 200);
  });

  addRoute(redeliverRoute, async (c) => {
    const { ownerId } = c.var.caller;
    const { id, delivery: given } = c.req.valid('param');
    const job = await findJob(store.jobs, { ownerId, id });
    const delivery = given.toLowerCase();
    const isThere = isUuid(delivery) && (await store.webhooks.redeliver({ ownerId, jobId: job.id, id: delivery }));
    const deliveries = isThere ? await store.webhooks.listOfJob(ownerId, job.id) : [];
    const found = deliveries.find((each) => each.id === delivery);
    if (found === undefined) {
      throw new AppError('not_found', { message: `The job has no delivery ${given.slice(0, 64)}.` });
    }
    return c.json(presentDelivery(found), 202);
  });

  addRoute(listAllDeliveriesRoute, async (c) => {
    const { state, limit, cursor = null } = c.req.valid('query');
    const page = await store.webhooks.list({ states: state, after: cursor, limit });
    const data = page.items.map(presentDeliverySummary);
    return c.json({ data, has_more: page.hasMore, next_cursor: linkNextPage(c, page) }, 200);
  });
}
