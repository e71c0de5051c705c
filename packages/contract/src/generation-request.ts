/** The body of `POST /generate` and `POST /jobs`. */
import { z } from '@hono/zod-openapi';
import { defaultSamplingParameters as defaults, defaultTerms, priorities } from '@prosemill/core';
import { metadataSchema } from './metadata.ts';
import { optional, withDefault } from './optional.ts';
import { text } from './text.ts';
import { requireReceiver, webhookFields } from './webhook.ts';

/** The limits of requests that depend on neither the model nor the queue. */
export const requestLimits = {
  promptCharacters: 500,
  minLength: 10,
  maxLength: 200,
  stopStrings: 4,
  stopCharacters: 500,
} as const;

export const seedSchema = z.int().min(0).max(0xff_ff_ff_ff);

const stopString = text(requestLimits.stopCharacters);
const stopSchema = z
  .union([stopString, z.array(stopString).max(requestLimits.stopStrings)], {
    error: 'must be a string or a list of strings',
  })
  .transform((stop) => (typeof stop === 'string' ? [stop] : stop));

/** The fields of the parameters; each body makes them optional in its own way. */
export const parameterSchemas = {
  max_length: z.int().min(requestLimits.minLength).max(requestLimits.maxLength).openapi({
    description:
      'Prompt tokens and new tokens together. With neither this nor max_new_tokens: max(50 - prompt tokens, 20) new tokens, as far as the model has room.',
  }),
  max_new_tokens: z.int().min(1).max(Number.MAX_SAFE_INTEGER).openapi({
    description: 'New tokens, at most what the model has room for after the prompt. Wins over max_length.',
  }),
  temperature: z.number().min(0).max(2).openapi({ description: '0 always takes the likeliest token.' }),
  top_k: z.int().min(0).max(1000).openapi({ description: 'Sample from the k likeliest tokens; 0: from all.' }),
  top_p: z.number().gt(0).max(1).openapi({
    description: 'Sample from the smallest set of tokens whose probability reaches this.',
  }),
  repetition_penalty: z.number().min(0.1).max(10).openapi({
    description: 'Above 1: makes tokens that have occurred less likely.',
  }),
  stop: stopSchema.openapi({
    description: 'The text ends before the first of these that appears. One string is a list of one.',
  }),
};

/** A week. Timers count at most 24 days. */
const maxDurationMs = 604_800_000;
const durationMs = z.int().min(1).max(maxDurationMs);

/** The fields that say when the text is needed; each body makes them optional in its own way. */
export const termSchemas = {
  priority: z.enum(priorities).openapi({
    description: 'low: jobs of normal priority come first, except at every twelfth claim of a worker.',
  }),
  deadline_ms: durationMs.openapi({
    description:
      'The job must end within this time from its submit. Later it expires if it is still queued, and else fails with deadline_exceeded, with its text so far.',
  }),
  start_timeout_ms: durationMs.openapi({
    description: 'A worker must begin the job within this time from its submit, or the job expires.',
  }),
  store: z.boolean().openapi({
    description: 'false: the job and its text are deleted 60 s after its end, and are never in /history.',
  }),
};

export const generationRequestSchema = z
  .strictObject({
    prompt: text(requestLimits.promptCharacters).openapi({
      description: 'The beginning of the text.',
      example: 'Once upon a time',
    }),
    max_length: optional(parameterSchemas.max_length),
    max_new_tokens: optional(parameterSchemas.max_new_tokens),
    temperature: withDefault(parameterSchemas.temperature, defaults.temperature),
    top_k: withDefault(parameterSchemas.top_k, defaults.topK),
    top_p: withDefault(parameterSchemas.top_p, defaults.topP),
    repetition_penalty: withDefault(parameterSchemas.repetition_penalty, defaults.repetitionPenalty),
    stop: withDefault(parameterSchemas.stop, [...defaults.stop]),
    seed: optional(seedSchema).openapi({
      description: 'Same prompt, parameters, seed and model fingerprint: same text. Chosen and returned if absent.',
    }),
    metadata: withDefault(metadataSchema, {}),
    on_disconnect: withDefault(z.enum(['continue', 'cancel']), 'continue').openapi({
      description:
        'cancel: the job is canceled when the client leaves while this request waits for it, unless others wait too.',
    }),
    priority: withDefault(termSchemas.priority, defaultTerms.priority),
    deadline_ms: optional(termSchemas.deadline_ms),
    start_timeout_ms: optional(termSchemas.start_timeout_ms),
    ...webhookFields,
    store: withDefault(termSchemas.store, defaultTerms.isStored),
  })
  .superRefine(requireReceiver)
  .openapi('GenerationRequest', { example: { prompt: 'Once upon a time', max_new_tokens: 50 } });

export type GenerationRequest = z.infer<typeof generationRequestSchema>;
/** As clients write it. */
export type GenerationRequestBody = z.input<typeof generationRequestSchema>;
