/** `/jobs/{id}/retry` and `/jobs/{id}/verify`: jobs of the same request as another one. */
import { z } from '@hono/zod-openapi';
import { timingsSchema } from '../job.ts';
import { defineRoute } from '../policy.ts';
import { commonErrors, endingErrors, newJobErrors, problemResponses, submitErrors } from '../problem.ts';
import { retryRequestSchema } from '../retry-request.ts';
import { headersOf, idempotencyKeyHeader, preferHeader, traceparentHeader } from './headers.ts';
import { jobContent, jobIdParam } from './jobs.ts';
import { links } from './links.ts';

const verificationSchema = z
  .strictObject({
    match: z.boolean().openapi({ description: 'Whether the text is the same, character by character.' }),
    output_sha256: z.string().openapi({ description: 'SHA-256 of the new text in UTF-8, hexadecimal.' }),
    job_id: z.uuid().openapi({ description: 'The job that computed the new text. It is in no list.' }),
    timings: timingsSchema,
  })
  .openapi('Verification');

export type Verification = z.infer<typeof verificationSchema>;

export const retryJobRoute = defineRoute({
  method: 'post',
  path: '/jobs/{id}/retry',
  policy: { scope: 'generate', rate: 'submit' },
  operationId: 'retryJob',
  tags: ['Jobs'],
  summary: 'Repeat a job that has ended',
  description: 'Makes a new job of the same request, with the changes of the body, if there is one.',
  request: {
    params: jobIdParam,
    headers: idempotencyKeyHeader.extend(traceparentHeader.shape),
    body: { required: false, content: { 'application/json': { schema: retryRequestSchema } } },
  },
  responses: {
    202: {
      description: 'The new job is stored. A worker will run it.',
      headers: headersOf('location', 'retryAfter', 'idempotentReplayed'),
      content: jobContent,
      links: { ...links.job('/id'), ...links.cancel('/id') },
    },
    ...problemResponses('not_found', 'gone', 'job_not_finished', ...submitErrors, ...commonErrors),
  },
});

export const verifyJobRoute = defineRoute({
  method: 'post',
  path: '/jobs/{id}/verify',
  policy: { scope: 'generate', rate: 'submit' },
  operationId: 'verifyJob',
  tags: ['Jobs'],
  summary: 'Compute a text again and compare',
  description:
    'Runs the request of a job that succeeded again, with its seed and on its model, and waits for it like `POST /generate`.',
  request: {
    params: jobIdParam,
    headers: preferHeader.extend(idempotencyKeyHeader.shape).extend(traceparentHeader.shape),
  },
  responses: {
    200: {
      description: 'The comparison.',
      headers: headersOf('preferenceApplied', 'serverTiming', 'idempotentReplayed'),
      content: { 'application/json': { schema: verificationSchema } },
      links: links.job('/job_id'),
    },
    202: {
      description: 'Not finished yet. The texts are the same if the two jobs have the same output.sha256 in the end.',
      headers: headersOf('location', 'retryAfter', 'preferenceApplied', 'serverTiming', 'idempotentReplayed'),
      content: jobContent,
      links: { ...links.job('/id'), ...links.cancel('/id') },
    },
    ...problemResponses(
      'not_found',
      'gone',
      'job_not_finished',
      'not_verifiable',
      ...newJobErrors,
      ...endingErrors,
      ...commonErrors,
    ),
  },
});
