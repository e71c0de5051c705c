/** `/batches`: jobs that are submitted together. */
import { z } from '@hono/zod-openapi';
import { batchRequestSchema, batchSchema } from '../batch.ts';
import { defineRoute } from '../policy.ts';
import { commonErrors, problemResponses, submitErrors } from '../problem.ts';
import { queryInteger } from '../text.ts';
import { headersOf, idempotencyKeyHeader, ifNoneMatchHeader, traceparentHeader } from './headers.ts';
import { links } from './links.ts';

const content = { 'application/json': { schema: batchSchema } };
const batchIdParam = z.object({ id: z.string().openapi({ description: 'The id of a batch.', format: 'uuid' }) });
const tags = ['Batches'];

export const createBatchRoute = defineRoute({
  method: 'post',
  path: '/batches',
  // Prompts of 500 characters of 4 bytes, and some metadata.
  policy: { scope: 'generate', rate: 'submit', maxBodyBytes: 1024 * 1024 },
  operationId: 'createBatch',
  tags,
  summary: 'Start many jobs',
  description:
    'Stores a job for each request, or none: one that is refused refuses the batch, and the errors name all such requests. A batch of n requests counts as n submits.',
  request: {
    headers: idempotencyKeyHeader.extend(traceparentHeader.shape),
    body: { required: true, content: { 'application/json': { schema: batchRequestSchema } } },
  },
  responses: {
    202: {
      description: 'Stored. Workers will run the jobs.',
      headers: headersOf('batchLocation', 'retryAfter', 'idempotentReplayed'),
      content,
      links: { ...links.batch('/id'), ...links.cancelBatch('/id') },
    },
    ...problemResponses(...submitErrors, ...commonErrors),
  },
});

export const getBatchRoute = defineRoute({
  method: 'get',
  path: '/batches/{id}',
  policy: { scope: 'read' },
  operationId: 'getBatch',
  tags,
  summary: 'Get a batch, or wait for it',
  description: 'The texts are in the jobs: GET /jobs?batch_id= lists them.',
  request: {
    params: batchIdParam,
    headers: ifNoneMatchHeader,
    query: z.strictObject({
      wait: queryInteger(1, 60).optional().openapi({
        description: 'Seconds to wait for the last job to finish. Afterwards the batch as it is then, or 304.',
      }),
    }),
  },
  responses: {
    200: {
      description: 'The batch.',
      headers: headersOf('etag', 'retryAfter'),
      content,
      links: links.cancelBatch('/id'),
    },
    304: { description: 'Unchanged.', headers: headersOf('etag', 'retryAfter') },
    ...problemResponses('not_found', ...commonErrors),
  },
});

export const cancelBatchRoute = defineRoute({
  method: 'post',
  path: '/batches/{id}/cancel',
  policy: { scope: 'generate' },
  operationId: 'cancelBatch',
  tags,
  summary: 'Cancel the jobs of a batch',
  description:
    'Queued jobs are canceled at once, running ones as soon as their workers hear of it; finished ones stay as they are.',
  request: { params: batchIdParam },
  responses: {
    200: { description: 'All jobs have ended.', headers: headersOf('etag'), content, links: links.batch('/id') },
    202: {
      description: 'Some are running: their cancel is on its way.',
      headers: headersOf('etag', 'batchLocation', 'retryAfter'),
      content,
      links: links.batch('/id'),
    },
    ...problemResponses('not_found', ...commonErrors),
  },
});
