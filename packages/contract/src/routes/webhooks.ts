/** `/webhooks`, and the deliveries of jobs. */
import { z } from '@hono/zod-openapi';
import { deliveryStates } from '@prosemill/core';
import { uuidCursor } from '../cursor.ts';
import { defineRoute } from '../policy.ts';
import { bodyErrors, commonErrors, problemResponses } from '../problem.ts';
import { pageOf, pageSize, repeatable } from '../text.ts';
import {
  deliverySchema,
  deliverySummarySchema,
  secretsSchema,
  webhookTestResultSchema,
  webhookTestSchema,
} from '../webhook.ts';
import { headersOf } from './headers.ts';
import { jobIdParam } from './jobs.ts';

const tags = ['Webhooks'];

const secretsAnswer = {
  200: {
    description: 'The secrets that sign now.',
    headers: headersOf(),
    content: { 'application/json': { schema: secretsSchema } },
  },
  ...problemResponses(...commonErrors),
};

/** Not `read`: whoever has the secret can forge messages. */
const scope = 'generate';

export const getSecretRoute = defineRoute({
  method: 'get',
  path: '/webhooks/secret',
  policy: { scope },
  operationId: 'getWebhookSecret',
  tags,
  summary: 'Get the secret that signs your webhooks',
  description: 'Each owner has one, which the first of these requests makes.',
  responses: secretsAnswer,
});

export const rotateSecretRoute = defineRoute({
  method: 'post',
  path: '/webhooks/secret/rotate',
  policy: { scope },
  operationId: 'rotateWebhookSecret',
  tags,
  summary: 'Replace the secret',
  description:
    'For 24 hours each message has the signatures of both. A second rotation in that time ends the oldest secret.',
  responses: secretsAnswer,
});

export const testWebhookRoute = defineRoute({
  method: 'post',
  path: '/webhooks/test',
  policy: { scope, rate: 'submit' },
  operationId: 'testWebhook',
  tags,
  summary: 'Send a signed message of the type webhook.test',
  description: 'One attempt, which is in no log.',
  request: { body: { required: true, content: { 'application/json': { schema: webhookTestSchema } } } },
  responses: {
    200: {
      description: 'The attempt, whether the receiver accepted it or not.',
      headers: headersOf(),
      content: { 'application/json': { schema: webhookTestResultSchema } },
    },
    ...problemResponses(...bodyErrors, ...commonErrors),
  },
});

const deliveryListSchema = z.strictObject({ data: z.array(deliverySchema) }).openapi('DeliveryList');

export const listDeliveriesRoute = defineRoute({
  method: 'get',
  path: '/jobs/{id}/deliveries',
  policy: { scope: 'read' },
  operationId: 'listDeliveries',
  tags,
  summary: 'List the deliveries of a job, with the log of their attempts',
  request: { params: jobIdParam },
  responses: {
    200: {
      description: 'At most one delivery of each event.',
      headers: headersOf(),
      content: { 'application/json': { schema: deliveryListSchema } },
    },
    ...problemResponses('not_found', ...commonErrors),
  },
});

export const redeliverRoute = defineRoute({
  method: 'post',
  path: '/jobs/{id}/deliveries/{delivery}/redeliver',
  policy: { scope, rate: 'submit' },
  operationId: 'redeliver',
  tags,
  summary: 'Send a message again',
  description: 'With the same webhook-id, soon, and with the whole schedule of retries before it.',
  request: {
    params: jobIdParam.extend({
      delivery: z.string().openapi({ description: 'The id of a delivery.', format: 'uuid' }),
    }),
  },
  responses: {
    202: {
      description: 'The delivery.',
      headers: headersOf(),
      content: { 'application/json': { schema: deliverySchema } },
    },
    ...problemResponses('not_found', ...commonErrors),
  },
});

const deliveryPageSchema = pageOf(deliverySummarySchema, 'DeliveryPage');

export type DeliveryPage = z.infer<typeof deliveryPageSchema>;

export const listAllDeliveriesRoute = defineRoute({
  method: 'get',
  path: '/admin/deliveries',
  policy: { scope: 'admin' },
  operationId: 'listAllDeliveries',
  tags: ['Operations'],
  summary: 'List deliveries of all owners, newest first',
  description: 'Without texts and without URLs.',
  request: {
    query: z.strictObject({
      state: repeatable(z.enum(deliveryStates)).optional().openapi({
        description: 'May be repeated: deliveries with one of these states.',
      }),
      limit: pageSize(100, 20),
      cursor: uuidCursor.optional().openapi({ description: 'next_cursor of the page before.' }),
    }),
  },
  responses: {
    200: {
      description: 'A page of deliveries.',
      headers: headersOf('link'),
      content: { 'application/json': { schema: deliveryPageSchema } },
    },
    ...problemResponses(...commonErrors),
  },
});
