/** The body of `POST /jobs/{id}/retry`, and the request that it makes of a job. */
import { z } from '@hono/zod-openapi';
import { defaultTerms, type Job, type JobTerms, type TextRequest } from '@prosemill/core';
import { parameterSchemas, seedSchema, termSchemas } from './generation-request.ts';
import { metadataSchema } from './metadata.ts';
import { optional } from './optional.ts';

export const retryRequestSchema = z
  .strictObject({
    seed: optional(
      z.union([z.enum(['same', 'new']), seedSchema], { error: 'must be "same", "new" or an integer' }),
    ).openapi({
      description:
        'same: the seed of the job, which gives the same text. new: one that the service chooses. Absent: as it was sent, so a new one unless the client chose it.',
    }),
    max_length: optional(parameterSchemas.max_length),
    max_new_tokens: optional(parameterSchemas.max_new_tokens),
    temperature: optional(parameterSchemas.temperature),
    top_k: optional(parameterSchemas.top_k),
    top_p: optional(parameterSchemas.top_p),
    repetition_penalty: optional(parameterSchemas.repetition_penalty),
    stop: optional(parameterSchemas.stop),
    metadata: optional(metadataSchema),
    priority: optional(termSchemas.priority),
    deadline_ms: optional(termSchemas.deadline_ms),
    start_timeout_ms: optional(termSchemas.start_timeout_ms),
    store: optional(termSchemas.store),
  })
  .openapi('RetryRequest', {
    description:
      'The changes; absent fields are as in the job. A new max_length or max_new_tokens replaces both of the job.',
    example: { seed: 'new', temperature: 0.7 },
  });

export type RetryRequest = z.infer<typeof retryRequestSchema>;
/** As clients write it. */
export type RetryRequestBody = z.input<typeof retryRequestSchema>;

/** The request of a job as it was sent, with these changes. */
export function toRetriedRequest(job: Job, changes: RetryRequest): TextRequest {
  const { parameters } = job;
  const { max_length: maxLength, max_new_tokens: maxNewTokens } = changes;
  const isLengthChanged = maxLength !== undefined || maxNewTokens !== undefined;
  return {
    prompt: job.prompt,
    parameters: {
      ...parameters,
      ...(isLengthChanged ? { maxLength: maxLength ?? null, maxNewTokens: maxNewTokens ?? null } : {}),
      temperature: changes.temperature ?? parameters.temperature,
      topK: changes.top_k ?? parameters.topK,
      topP: changes.top_p ?? parameters.topP,
      repetitionPenalty: changes.repetition_penalty ?? parameters.repetitionPenalty,
      stop: changes.stop ?? parameters.stop,
    },
    seed: retriedSeed(job, changes.seed),
  };
}

/** The terms of a job as they were sent: its deadlines begin anew. */
export const toRetriedTerms = (job: Job, changes: RetryRequest): JobTerms => ({
  ...defaultTerms,
  metadata: changes.metadata ?? job.metadata,
  priority: changes.priority ?? (job.priorityClass === 2 ? 'low' : 'normal'),
  deadlineMs: changes.deadline_ms ?? sinceSubmit(job, job.deadlineAt),
  startTimeoutMs: changes.start_timeout_ms ?? sinceSubmit(job, job.startDeadlineAt),
  retryOf: job.id,
  webhook: job.webhook,
  isStored: changes.store ?? job.isStored,
});

function retriedSeed(job: Job, seed: RetryRequest['seed']): number | null {
  if (typeof seed === 'number') return seed;
  if (seed === 'same') return job.seed;
  return seed === undefined && job.hasOwnSeed ? job.seed : null;
}

const sinceSubmit = ({ createdAt }: Job, time: Date | null): number | null =>
  time === null ? null : time.getTime() - createdAt.getTime();
