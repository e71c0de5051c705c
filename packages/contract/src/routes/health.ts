/** Health, probes and metrics. */
import { z } from '@hono/zod-openapi';
import { modelSchema, orNull } from '../job.ts';
import { defineRoute } from '../policy.ts';
import { workerSchema } from '../present-worker.ts';
import { accessErrors, everyError, problemResponses } from '../problem.ts';
import { time } from '../text.ts';
import { headersOf } from './headers.ts';

export const healthSchema = z
  .strictObject({
    status: z.enum(['healthy', 'degraded']),
    problems: z.array(z.string()).openapi({ description: 'The reasons why it is degraded, one sentence each.' }),
    model: orNull(modelSchema).openapi({ description: 'The model of the workers; null until one has loaded it.' }),
    workers: z.array(workerSchema),
    queue: z
      .strictObject({
        queued: z.int().nullable(),
        running: z.int().nullable(),
        paused: z.boolean().nullable(),
        paused_at: time.nullable().openapi({ description: 'Null unless the queue is paused.' }),
      })
      .openapi({ description: 'Of all owners; null while the database does not answer.' }),
    version: z.string(),
  })
  .openapi('Health');

export type Health = z.infer<typeof healthSchema>;

const probe = { method: 'get' as const, policy: { scope: null, isProbe: true }, tags: ['Health'] };

export const healthRoute = defineRoute({
  ...probe,
  path: '/health',
  operationId: 'health',
  summary: 'The state of the service',
  description: 'Always 200 while the process answers; values are at most a second old.',
  responses: {
    200: { description: 'The state of the service.', content: { 'application/json': { schema: healthSchema } } },
    ...problemResponses(...everyError),
  },
});

const okSchema = z.strictObject({ status: z.literal('ok') }).openapi('Ok');

export const livezRoute = defineRoute({
  ...probe,
  path: '/livez',
  operationId: 'livez',
  summary: 'Whether the process answers',
  responses: {
    200: { description: 'It does.', content: { 'application/json': { schema: okSchema } } },
    ...problemResponses(...everyError),
  },
});

export const readyzRoute = defineRoute({
  ...probe,
  path: '/readyz',
  operationId: 'readyz',
  summary: 'Whether requests can be served',
  description: 'The database answers and its schema is up to date: as it was at most a second ago.',
  responses: {
    200: { description: 'They can.', content: { 'application/json': { schema: okSchema } } },
    ...problemResponses(...everyError, 'database_unavailable', 'shutting_down'),
  },
});

export const metricsRoute = defineRoute({
  ...probe,
  path: '/metrics',
  policy: { ...probe.policy, scope: 'admin' },
  operationId: 'metrics',
  summary: 'The numbers of this process, for Prometheus',
  responses: {
    200: {
      description: 'In its text format.',
      headers: headersOf(),
      content: { 'text/plain': { schema: z.string() } },
    },
    ...problemResponses(...accessErrors, ...everyError, 'database_unavailable'),
  },
});
