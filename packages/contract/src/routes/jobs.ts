/** `/jobs`: jobs, for clients that do not wait for the text. */
import { z } from '@hono/zod-openapi';
import { jobStatuses } from '@prosemill/core';
import { uuidCursor } from '../cursor.ts';
import { generationRequestSchema } from '../generation-request.ts';
import { dryRunSchema, jobSchema } from '../job.ts';
import { defineRoute } from '../policy.ts';
import { commonErrors, problemResponses, submitErrors } from '../problem.ts';
import { eventStreamContent } from '../stream-events.ts';
import { textFilter } from '../text-filter.ts';
import { pageOf, pageSize, queryInteger, queryTime, queryUuid, repeatable } from '../text.ts';
import { headersOf, idempotencyKeyHeader, ifNoneMatchHeader, traceparentHeader } from './headers.ts';
import { links } from './links.ts';

export const jobContent = { 'application/json': { schema: jobSchema } };
const jobPageSchema = pageOf(jobSchema, 'JobPage');
export type JobPage = z.infer<typeof jobPageSchema>;

export const jobIdParam = z.object({ id: z.string().openapi({ description: 'The id of a job.', format: 'uuid' }) });

export const createJobRoute = defineRoute({
  method: 'post',
  path: '/jobs',
  policy: { scope: 'generate', rate: (query) => (query.get('dry_run') === 'true' ? 'read' : 'submit') },
  operationId: 'createJob',
  tags: ['Jobs'],
  summary: 'Start a job',
  description:
    'Stores a job. With Accept: text/event-stream the answer is the stream of the job, as of GET /jobs/{id}/stream.',
  request: {
    query: z.strictObject({
      dry_run: z.enum(['true', 'false']).optional().openapi({
        description: 'true: checks the request as a submit does, and stores nothing. Counts as a read.',
      }),
    }),
    headers: idempotencyKeyHeader.extend(traceparentHeader.shape),
    body: { required: true, content: { 'application/json': { schema: generationRequestSchema } } },
  },
  responses: {
    200: {
      description:
        'For a client that prefers text/event-stream to JSON: the stream of the stored job. For a dry run: the request is valid.',
      headers: headersOf('idempotentReplayed', 'streamedJob'),
      content: { ...eventStreamContent, 'application/json': { schema: dryRunSchema } },
    },
    202: {
      description: 'Stored. A worker will run it.',
      headers: headersOf('location', 'retryAfter', 'idempotentReplayed'),
      content: jobContent,
      links: { ...links.job('/id'), ...links.cancel('/id') },
    },
    ...problemResponses(...submitErrors, ...commonErrors),
  },
});

export const getJobRoute = defineRoute({
  method: 'get',
  path: '/jobs/{id}',
  policy: { scope: 'read' },
  operationId: 'getJob',
  tags: ['Jobs'],
  summary: 'Get a job, or wait for it',
  request: {
    params: jobIdParam,
    headers: ifNoneMatchHeader,
    query: z.strictObject({
      wait: queryInteger(1, 60).optional().openapi({
        description:
          'Seconds to wait for the job to finish; with If-None-Match, for any change. Afterwards the job as it is then, or 304.',
      }),
    }),
  },
  responses: {
    200: {
      description: 'The job.',
      headers: headersOf('etag', 'retryAfter', 'serverTiming'),
      content: jobContent,
      links: links.cancel('/id'),
    },
    304: {
      description: 'Unchanged.',
      headers: headersOf('etag', 'retryAfter', 'serverTiming'),
    },
    ...problemResponses('not_found', 'gone', ...commonErrors),
  },
});

export const listJobsRoute = defineRoute({
  method: 'get',
  path: '/jobs',
  policy: { scope: 'read' },
  operationId: 'listJobs',
  tags: ['Jobs'],
  summary: 'List jobs, newest first',
  request: {
    headers: ifNoneMatchHeader,
    query: z.strictObject({
      status: repeatable(z.enum(jobStatuses)).optional().openapi({
        description: 'May be repeated: jobs with one of these statuses.',
      }),
      retry_of: queryUuid.optional().openapi({ description: 'The repetitions of this job.' }),
      batch_id: queryUuid.optional().openapi({ description: 'The jobs of this batch.' }),
      ...textFilter,
      created_after: queryTime.optional().openapi({ description: 'Inclusive.' }),
      created_before: queryTime.optional().openapi({ description: 'Exclusive.' }),
      limit: pageSize(100, 20),
      cursor: uuidCursor.optional().openapi({ description: 'next_cursor of the page before.' }),
    }),
  },
  responses: {
    200: {
      description: 'A page of jobs.',
      headers: headersOf('etag', 'link'),
      content: { 'application/json': { schema: jobPageSchema } },
    },
    304: { description: 'Unchanged, but for the estimated times of waiting jobs.', headers: headersOf('etag') },
    ...problemResponses(...commonErrors),
  },
});

export const cancelJobRoute = defineRoute({
  method: 'post',
  path: '/jobs/{id}/cancel',
  policy: { scope: 'generate' },
  operationId: 'cancelJob',
  tags: ['Jobs'],
  summary: 'Cancel a job',
  description:
    'A queued job is canceled at once, a running one as soon as its worker hears of it; a finished one stays as it is.',
  request: { params: jobIdParam },
  responses: {
    200: {
      description: 'Canceled, or finished before.',
      headers: headersOf('etag'),
      content: jobContent,
      links: links.job('/id'),
    },
    202: {
      description: 'Running: the cancel is on its way.',
      headers: headersOf('etag', 'location', 'retryAfter'),
      content: jobContent,
      links: links.job('/id'),
    },
    ...problemResponses('not_found', 'gone', ...commonErrors),
  },
});

export const deleteJobRoute = defineRoute({
  method: 'delete',
  path: '/jobs/{id}',
  policy: { scope: 'generate' },
  operationId: 'deleteJob',
  tags: ['Jobs'],
  summary: 'Delete a job that has ended',
  description:
    'Removes the prompt, the text, the parameters and the metadata of the job and of its verifications for good, and its text from /history. Afterwards the job is in no list, and other requests for it get 410. To delete it again is no error.',
  request: { params: jobIdParam },
  responses: {
    204: { description: 'It is deleted.', headers: headersOf() },
    ...problemResponses('not_found', 'job_not_finished', ...commonErrors),
  },
});
