/** The body of `POST /generate` and `POST /jobs`. */
import { z } from '@hono/zod-openapi';
import { defaultSamplingParameters as defaults } from '@prosemill/core';
import { text } from './text.ts';

/** The largest body a client may send, in bytes. */
export const maxBodyBytes = 64 * 1024;

export const generationRequestSchema = z
  .strictObject({
    prompt: text(500).openapi({ description: 'What the text begins with.', example: 'Once upon a time' }),
    max_length: z.int().min(10).max(200).optional().openapi({
      description: 'Prompt tokens and new tokens together. Default: min(200, max(50, prompt tokens + 20)).',
    }),
    max_new_tokens: z.int().min(1).max(Number.MAX_SAFE_INTEGER).optional().openapi({
      description: 'New tokens, at most what the model has room for after the prompt. Wins over max_length.',
    }),
    temperature: z
      .number()
      .min(0)
      .max(2)
      .default(defaults.temperature)
      .openapi({ description: '0 always takes the likeliest token.' }),
    top_k: z
      .int()
      .min(0)
      .max(1000)
      .default(defaults.topK)
      .openapi({ description: 'Sample from the k likeliest tokens; 0: from all.' }),
    top_p: z.number().gt(0).max(1).default(defaults.topP).openapi({
      description: 'Sample from the smallest set of tokens whose probability reaches this.',
    }),
    repetition_penalty: z.number().min(0.1).max(10).default(defaults.repetitionPenalty).openapi({
      description: 'Above 1: makes tokens that have occurred less likely.',
    }),
    seed: z.int().min(0).max(0xff_ff_ff_ff).optional().openapi({
      description: 'Same prompt, parameters, seed and model fingerprint: same text. Chosen and returned if absent.',
    }),
    stop: z
      .array(text(500))
      .max(4)
      .default([...defaults.stop])
      .openapi({
        description: 'The text ends before the first of these that appears.',
      }),
  })
  .openapi('GenerationRequest', { example: { prompt: 'Once upon a time', max_new_tokens: 50 } });

export type GenerationRequest = z.infer<typeof generationRequestSchema>;
