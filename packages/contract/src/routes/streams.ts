/** `/jobs/{id}/stream` and `/jobs/{id}/events`: a job as it happens, and as it happened. */
import { z } from '@hono/zod-openapi';
import { defineRoute } from '../policy.ts';
import { jobEventLogSchema } from '../job-events.ts';
import { commonErrors, problemResponses } from '../problem.ts';
import { eventStreamContent } from '../stream-events.ts';
import { streamPosition } from '../stream-position.ts';
import { headersOf } from './headers.ts';
import { jobIdParam } from './jobs.ts';

export const streamJobRoute = defineRoute({
  method: 'get',
  path: '/jobs/{id}/stream',
  policy: { scope: 'read', isStream: true },
  operationId: 'streamJob',
  tags: ['Jobs'],
  summary: 'Stream a job and its text',
  description:
    'Server-sent events: the job, its text as it is written, and the job at its end. Works at any time, also after the end. A client that was disconnected goes on where it stopped, with the id of its last event.',
  request: {
    params: jobIdParam,
    headers: z.object({
      'last-event-id': streamPosition.optional().openapi({
        description:
          'The id of the last event that the client has; browsers send it by themselves. Wins over `after`, unless it is empty.',
      }),
    }),
    query: z.strictObject({
      after: streamPosition.optional().openapi({ description: 'The id of the last event that the client has.' }),
    }),
  },
  responses: {
    200: {
      description: 'The events. A comment every 15 s shows that the connection works.',
      headers: headersOf(),
      content: eventStreamContent,
    },
    ...problemResponses('not_found', 'gone', 'invalid_header', ...commonErrors),
  },
});

export const listJobEventsRoute = defineRoute({
  method: 'get',
  path: '/jobs/{id}/events',
  policy: { scope: 'read' },
  operationId: 'listJobEvents',
  tags: ['Jobs'],
  summary: 'List the transitions of a job, oldest first',
  request: { params: jobIdParam },
  responses: {
    200: {
      description: 'The log, to which each transition adds an entry.',
      headers: headersOf(),
      content: { 'application/json': { schema: jobEventLogSchema } },
    },
    ...problemResponses('not_found', 'gone', ...commonErrors),
  },
});
