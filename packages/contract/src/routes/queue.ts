/** `/admin/queue`: pausing and resuming the queue. */
import { z } from '@hono/zod-openapi';
import { defineRoute } from '../policy.ts';
import { commonErrors, problemResponses } from '../problem.ts';
import { headersOf } from './headers.ts';

const queueSchema = z.strictObject({ paused: z.boolean() }).openapi('Queue');

const responses = {
  200: {
    description: 'The state from now on; it may be the same as before.',
    headers: headersOf(),
    content: { 'application/json': { schema: queueSchema } },
  },
  ...problemResponses(...commonErrors),
};

export const pauseQueueRoute = defineRoute({
  method: 'post',
  path: '/admin/queue/pause',
  policy: { scope: 'admin' },
  operationId: 'pauseQueue',
  tags: ['Operations'],
  summary: 'Begin no more jobs',
  description:
    'No worker begins a job until the queue is resumed, even after restarts. Jobs are accepted and wait, running jobs go on, and deadlines pass.',
  responses,
});

export const resumeQueueRoute = defineRoute({
  method: 'post',
  path: '/admin/queue/resume',
  policy: { scope: 'admin' },
  operationId: 'resumeQueue',
  tags: ['Operations'],
  summary: 'Go on with the waiting jobs',
  responses,
});
