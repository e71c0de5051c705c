/** The body of `POST /generate` and `POST /jobs`. */
import { z } from '@hono/zod-openapi';
import { defaultSamplingParameters as defaults } from '@prosemill/core';
import { metadataSchema } from './metadata.ts';
import { optional, withDefault } from './optional.ts';
import { text } from './text.ts';

/** The largest body that a client may send. */
export const maxBodyBytes = 64 * 1024;

const stopSchema = z
  .union([text(500), z.array(text(500)).max(4)], { error: 'must be a string or a list of strings' })
  .transform((stop) => (typeof stop === 'string' ? [stop] : stop));

export const generationRequestSchema = z
  .strictObject({
    prompt: text(500).openapi({ description: 'The beginning of the text.', example: 'Once upon a time' }),
    max_length: optional(z.int().min(10).max(200)).openapi({
      description:
        'Prompt tokens and new tokens together. With neither this nor max_new_tokens: max(50 - prompt tokens, 20) new tokens, as far as the model has room.',
    }),
    max_new_tokens: optional(z.int().min(1).max(Number.MAX_SAFE_INTEGER)).openapi({
      description: 'New tokens, at most what the model has room for after the prompt. Wins over max_length.',
    }),
    temperature: withDefault(z.number().min(0).max(2), defaults.temperature).openapi({
      description: '0 always takes the likeliest token.',
    }),
    top_k: withDefault(z.int().min(0).max(1000), defaults.topK).openapi({
      description: 'Sample from the k likeliest tokens; 0: from all.',
    }),
    top_p: withDefault(z.number().gt(0).max(1), defaults.topP).openapi({
      description: 'Sample from the smallest set of tokens whose probability reaches this.',
    }),
    repetition_penalty: withDefault(z.number().min(0.1).max(10), defaults.repetitionPenalty).openapi({
      description: 'Above 1: makes tokens that have occurred less likely.',
    }),
    seed: optional(z.int().min(0).max(0xff_ff_ff_ff)).openapi({
      description: 'Same prompt, parameters, seed and model fingerprint: same text. Chosen and returned if absent.',
    }),
    stop: withDefault(stopSchema, [...defaults.stop]).openapi({
      description: 'The text ends before the first of these that appears. One string is a list of one.',
    }),
    metadata: withDefault(metadataSchema, {}),
  })
  .openapi('GenerationRequest', { example: { prompt: 'Once upon a time', max_new_tokens: 50 } });

export type GenerationRequest = z.infer<typeof generationRequestSchema>;
