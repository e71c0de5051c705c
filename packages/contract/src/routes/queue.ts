/** `/admin/queue`: the pause of the queue. */
import { z } from '@hono/zod-openapi';
import { defineRoute } from '../policy.ts';
import { commonErrors, problemResponses } from '../problem.ts';
import { time } from '../text.ts';
import { headersOf } from './headers.ts';
import { keySchema } from './keys.ts';

const { id, name, prefix } = keySchema.shape;

const queueSchema = z
  .strictObject({
    paused: z.boolean(),
    paused_at: time.nullable(),
    paused_by: z
      .strictObject({
        owner: z.string(),
        key: z.strictObject({ id, name, prefix }).nullable().openapi({
          description: 'Null where no key is needed, and for ADMIN_KEY.',
        }),
      })
      .nullable()
      .openapi({ description: 'Null unless the queue is paused, and for a pause by a version that did not store it.' }),
  })
  .openapi('Queue');

export type QueueBody = z.infer<typeof queueSchema>;

const answerWith = (description: string) => ({
  200: { description, headers: headersOf(), content: { 'application/json': { schema: queueSchema } } },
  ...problemResponses(...commonErrors),
});

const policy = { scope: 'admin' } as const;
const tags = ['Operations'];

export const getQueueRoute = defineRoute({
  method: 'get',
  path: '/admin/queue',
  policy,
  operationId: 'getQueue',
  tags,
  summary: 'Whether the queue is paused, since when and by whom',
  responses: answerWith('The state of the queue.'),
});

const afterChange = 'The state from now on; it may be the same as before.';

export const pauseQueueRoute = defineRoute({
  method: 'post',
  path: '/admin/queue/pause',
  policy,
  operationId: 'pauseQueue',
  tags,
  summary: 'Begin no more jobs',
  description:
    'No worker begins a job until the queue is resumed, even after restarts. Jobs are accepted and wait, running jobs go on, and deadlines pass.',
  responses: answerWith(afterChange),
});

export const resumeQueueRoute = defineRoute({
  method: 'post',
  path: '/admin/queue/resume',
  policy,
  operationId: 'resumeQueue',
  tags,
  summary: 'Go on with the waiting jobs',
  responses: answerWith(afterChange),
});
