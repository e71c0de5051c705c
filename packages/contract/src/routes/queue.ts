/** `/admin/queue`: pausing and resuming the queue. */
import { z } from '@hono/zod-openapi';
import { defineRoute } from '../policy.ts';
import { commonErrors, problemResponses } from '../problem.ts';
import { responseHeaders } from './headers.ts';

const queueSchema = z.strictObject({ paused: z.boolean() }).openapi('Queue');

const responses = {
  200: {
    description: 'As it is from now on; it may have been so before.',
    headers: responseHeaders.rateLimit,
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
    'No worker begins a job until the queue is resumed, whatever is restarted meanwhile. Jobs are accepted and wait, what runs goes on, and deadlines pass.',
  responses,
});

export const resumeQueueRoute = defineRoute({
  method: 'post',
  path: '/admin/queue/resume',
  policy: { scope: 'admin' },
  operationId: 'resumeQueue',
  tags: ['Operations'],
  summary: 'Go on with the jobs that wait',
  responses,
});
