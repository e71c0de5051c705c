/** Health, probes and metrics. */
import { z } from '@hono/zod-openapi';
import { workerStates } from '@prosemill/core';
import { modelSchema, orNull } from '../job.ts';
import { defineRoute } from '../policy.ts';
import { accessErrors, everyError, problemResponses } from '../problem.ts';
import { responseHeaders } from './headers.ts';

export const healthSchema = z
  .strictObject({
    status: z.enum(['healthy', 'degraded']),
    problems: z.array(z.string()).openapi({ description: 'Why it is degraded, one sentence each.' }),
    model: orNull(modelSchema).openapi({ description: 'What the workers run; null until one has loaded it.' }),
    workers: z.array(
      z.strictObject({
        id: z.string(),
        state: z.enum(workerStates),
        load_progress: z.number().min(0).max(1).nullable(),
        note: z.string().nullable(),
        slots: z.int(),
        busy: z.int(),
      }),
    ),
    queue: z
      .strictObject({ queued: z.int().nullable(), running: z.int().nullable(), paused: z.boolean().nullable() })
      .openapi({ description: 'Of all owners; null while the database does not answer.' }),
    version: z.string(),
  })
  .openapi('Health');

export type Health = z.infer<typeof healthSchema>;

export const healthRoute = defineRoute({
  method: 'get',
  path: '/health',
  policy: { scope: null, isProbe: true },
  operationId: 'health',
  tags: ['Health'],
  summary: 'How the service is',
  description: 'Always 200 while the process answers; values are at most a second old.',
  responses: {
    200: { description: 'The state of the service.', content: { 'application/json': { schema: healthSchema } } },
    ...problemResponses(...everyError),
  },
});

const okSchema = z.strictObject({ status: z.literal('ok') }).openapi('Ok');

export const livezRoute = defineRoute({
  method: 'get',
  path: '/livez',
  policy: { scope: null, isProbe: true },
  operationId: 'livez',
  tags: ['Health'],
  summary: 'Whether the process answers',
  responses: {
    200: { description: 'It does.', content: { 'application/json': { schema: okSchema } } },
    ...problemResponses(...everyError),
  },
});

export const readyzRoute = defineRoute({
  method: 'get',
  path: '/readyz',
  policy: { scope: null, isProbe: true },
  operationId: 'readyz',
  tags: ['Health'],
  summary: 'Whether requests can be served',
  description: 'The database answers and its schema is up to date: as it was at most a second ago.',
  responses: {
    200: { description: 'They can.', content: { 'application/json': { schema: okSchema } } },
    ...problemResponses(...everyError, 'database_unavailable', 'shutting_down'),
  },
});

export const metricsRoute = defineRoute({
  method: 'get',
  path: '/metrics',
  policy: { scope: 'admin', isProbe: true },
  operationId: 'metrics',
  tags: ['Health'],
  summary: 'The numbers of this process, for Prometheus',
  responses: {
    200: {
      description: 'In its text format.',
      headers: responseHeaders.rateLimit,
      content: { 'text/plain': { schema: z.string() } },
    },
    ...problemResponses(...accessErrors, ...everyError, 'database_unavailable'),
  },
});
