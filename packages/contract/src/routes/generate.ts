/** `POST /generate`: text in one request. */
import { z } from '@hono/zod-openapi';
import { finishReasons } from '@prosemill/core';
import { generationRequestSchema } from '../generation-request.ts';
import { jobSchema, timingsSchema, usageSchema } from '../job.ts';
import { defineRoute } from '../policy.ts';
import { commonErrors, endingErrors, problemResponses, submitErrors } from '../problem.ts';
import { eventStreamContent } from '../stream-events.ts';
import { time } from '../text.ts';
import { headersOf, idempotencyKeyHeader, preferHeader, traceparentHeader } from './headers.ts';
import { links } from './links.ts';

export const generationResponseSchema = z
  .strictObject({
    id: z.int().openapi({ description: 'The id in /history, where texts with store false never are.' }),
    prompt: z.string(),
    generated_text: z.string().openapi({ description: 'The prompt, followed by the text of the model.' }),
    model_name: z.string(),
    created_at: time,
    job_id: z.uuid(),
    seed: z.int(),
    finish_reason: z.enum(finishReasons),
    usage: usageSchema,
    timings: timingsSchema,
    expires_at: time.nullable().openapi({ description: 'As in the job.' }),
  })
  .openapi('Generation');

export type GenerationBody = z.infer<typeof generationResponseSchema>;

export const generateRoute = defineRoute({
  method: 'post',
  path: '/generate',
  policy: { scope: 'generate', rate: 'submit' },
  operationId: 'generate',
  tags: ['Text'],
  summary: 'Generate text and wait for it',
  description:
    'Stores a job and waits for it. When the wait is over before the job is: 202 with the job, which goes on. With Accept: text/event-stream the answer is the stream of the job, as of GET /jobs/{id}/stream, and Prefer is ignored.',
  request: {
    headers: preferHeader.extend(idempotencyKeyHeader.shape).extend(traceparentHeader.shape),
    body: { required: true, content: { 'application/json': { schema: generationRequestSchema } } },
  },
  responses: {
    200: {
      description: 'The text, or the stream.',
      headers: headersOf('preferenceApplied', 'serverTiming', 'idempotentReplayed', 'streamedJob'),
      content: { 'application/json': { schema: generationResponseSchema }, ...eventStreamContent },
      links: { ...links.job('/job_id'), ...links.record('/id') },
    },
    202: {
      description: 'Accepted and not finished yet: ask for the job later.',
      headers: headersOf('location', 'retryAfter', 'preferenceApplied', 'serverTiming', 'idempotentReplayed'),
      content: { 'application/json': { schema: jobSchema } },
      links: { ...links.job('/id'), ...links.cancel('/id') },
    },
    ...problemResponses(...submitErrors, ...endingErrors, ...commonErrors),
  },
});
