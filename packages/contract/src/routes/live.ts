/** `GET /live`: several jobs and topics in one stream, since a browser has six connections for a host. */
import { z } from '@hono/zod-openapi';
import { liveStreamContent } from '../live-events.ts';
import { defineRoute } from '../policy.ts';
import { commonErrors, problemResponses } from '../problem.ts';
import { positionForm, streamPosition } from '../stream-position.ts';
import { repeatable } from '../text.ts';
import { headersOf } from './headers.ts';

export const maxLiveJobs = 16;

/** `ID` or `ID@POSITION`. */
const liveJob = z
  .string()
  .transform((value, context) => {
    const at = value.indexOf('@');
    const id = (at === -1 ? value : value.slice(0, at)).toLowerCase();
    const parsed = streamPosition.safeParse(at === -1 ? '' : value.slice(at + 1));
    if (parsed.success) return { id, position: parsed.data };
    for (const { message } of parsed.error.issues) context.addIssue({ code: 'custom', message: `after @: ${message}` });
    return z.NEVER;
  })
  .openapi({
    type: 'string',
    pattern: `^[^@]*(?:@${positionForm})?$`,
    example: '01a20b62-a4a8-7b7f-b207-5eab5d2c5e4a@3-120-9ae0daaf',
  });

const liveQuery = z
  .strictObject({
    job: repeatable(liveJob)
      .refine((jobs) => jobs.length <= maxLiveJobs, { error: `must name at most ${maxLiveJobs} jobs` })
      .optional()
      .openapi({
        maxItems: maxLiveJobs,
        description: `A job, up to ${maxLiveJobs}: its id, or \`ID@POSITION\` with the id of the last event that the client has of it.`,
      }),
    topic: repeatable(z.enum(['jobs', 'machine']))
      .optional()
      .openapi({ description: 'jobs: own jobs that change. machine: the state of the machine, every second.' }),
  })
  .refine(({ job = [], topic = [] }) => job.length + topic.length > 0, { error: 'needs a job or a topic' });

export const liveRoute = defineRoute({
  method: 'get',
  path: '/live',
  policy: { scope: 'read', isStream: true },
  operationId: 'live',
  tags: ['Jobs'],
  summary: 'Stream several jobs, changes of all jobs, and the machine',
  description:
    'Server-sent events: those of GET /jobs/{id}/stream for each job, with the id of the job in their data, and those of the topics. Without topics the stream ends when all jobs have ended. A client that was disconnected asks again with its new positions.',
  request: { query: liveQuery },
  responses: {
    200: {
      description: 'The events. A comment every 15 s shows that the connection works.',
      headers: headersOf(),
      content: liveStreamContent,
    },
    ...problemResponses(...commonErrors),
  },
});
