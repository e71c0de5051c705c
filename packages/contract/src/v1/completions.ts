/** `POST /v1/completions`: OpenAI's legacy completions, for programs that speak its API. */
import { z } from '@hono/zod-openapi';
import { orNull, usageSchema } from '../job.ts';
import { jsonText } from '../json-text.ts';
import { defineRoute } from '../policy.ts';
import { commonErrors, endingErrors, submitErrors } from '../problem.ts';
import { eventStreamMediaType } from '../stream-events.ts';
import { headersOf, idempotencyKeyHeader, traceparentHeader } from '../routes/headers.ts';
import { completionRequestSchema, maxCompletionBytes } from './completion-request.ts';
import { openAiErrorResponses, presentOpenAiError } from './open-ai-error.ts';

const choice = {
  index: z.int().openapi({ description: 'Prompt × n + choice.' }),
  text: z.string().openapi({ description: 'Without the prompt.' }),
  logprobs: z.null(),
};
const finishReason = z.enum(['stop', 'length']);

const completion = {
  id: z.string().openapi({ description: '`cmpl-` and the id of the first job.' }),
  object: z.literal('text_completion'),
  created: z.int().openapi({ description: 'Unix time in seconds.' }),
  model: z.string(),
  system_fingerprint: z.string().nullable().openapi({
    description: 'Changes whenever the same seed might give another text; null until a worker has begun.',
  }),
};

export const completionSchema = z
  .strictObject({
    ...completion,
    choices: z.array(z.strictObject({ ...choice, finish_reason: finishReason })),
    usage: usageSchema,
  })
  .openapi('Completion');

export const completionChunkSchema = z
  .strictObject({
    ...completion,
    choices: z.array(z.strictObject({ ...choice, finish_reason: finishReason.nullable() })),
    usage: orNull(usageSchema).optional(),
  })
  .openapi('CompletionChunk', {
    description: 'With `include_usage` every chunk has `usage`, and the last has no choices.',
  });

/** An event without a name has the name `message`. */
const message = z.literal('message').optional();

const eventSchema = z
  .union([
    z.strictObject({ event: message, data: z.literal('[DONE]') }).openapi({ description: 'The last event.' }),
    z
      .strictObject({ event: message, data: jsonText('CompletionChunk') })
      .openapi({ description: 'A part of one choice, or the usage.' }),
    z
      .strictObject({ event: z.literal('error'), data: jsonText('OpenAiError') })
      .openapi({ description: 'The stream failed. The last event.' }),
  ])
  .openapi('CompletionEvent');

export const createCompletionRoute = defineRoute({
  method: 'post',
  path: '/v1/completions',
  policy: { scope: 'generate', rate: 'submit', maxBodyBytes: maxCompletionBytes, errors: presentOpenAiError },
  operationId: 'createCompletion',
  tags: ['OpenAI'],
  summary: 'Generate text, as OpenAI’s clients ask for it',
  description:
    'Stores a job for each choice and waits for all, at most 600 s, or streams their texts. The jobs go on when the client leaves. Errors have OpenAI’s format, with 400 instead of 422.',
  request: {
    headers: idempotencyKeyHeader.extend(traceparentHeader.shape),
    body: { required: true, content: { 'application/json': { schema: completionRequestSchema } } },
  },
  responses: {
    200: {
      description: 'The text, in one piece or as a stream.',
      headers: headersOf('jobId', 'serverTiming', 'idempotentReplayed'),
      content: {
        'application/json': { schema: completionSchema },
        [eventStreamMediaType]: { schema: eventSchema },
      },
    },
    ...openAiErrorResponses(...submitErrors, 'model_not_found', ...endingErrors, ...commonErrors),
  },
});
