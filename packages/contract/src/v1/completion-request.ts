/** The body of `POST /v1/completions`. */
import { z } from '@hono/zod-openapi';
import { defaultSamplingParameters as defaults, type TextRequest } from '@prosemill/core';
import { parameterSchemas, seedSchema } from '../generation-request.ts';
import { optional, withDefault } from '../optional.ts';
import { text, withoutNul } from '../text.ts';

export const maxCompletionBytes = 1024 * 1024;
/** The largest number of choices in an answer, and so of jobs. */
export const maxChoices = 128;

/** The context of the model is the limit of a prompt. A token may have any number of characters. */
const promptText = text(maxCompletionBytes);
const noTokens = 'must be a string or a list of strings: lists of tokens are not supported';
const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

const promptSchema = z
  .unknown()
  .refine((value) => !isList(value) || value.every((each) => typeof each === 'string'), {
    error: noTokens,
    abort: true,
  })
  .pipe(
    z
      .union([promptText, z.array(promptText).min(1).max(maxChoices)], { error: noTokens })
      .transform((prompt) => (typeof prompt === 'string' ? [prompt] : prompt)),
  );

/** A field of OpenAI's that this service does not have. Clients may send it with the value that changes nothing. */
const neutral = <Value extends string | number | boolean>(value: Value, reason: string) =>
  optional(z.literal(value, { error: `must be ${JSON.stringify(value)}, or left out: ${reason}` }));

const streamOptions = z.strictObject({
  include_usage: withDefault(z.boolean(), false).openapi({
    description: 'Adds a last chunk with the usage of all choices, and `usage: null` to all others.',
  }),
  include_obfuscation: neutral(false, 'chunks are not padded'),
});

/** For checks of several fields: after a wrong value, the others may not be transformed. */
const isParsed = ({ issues }: { readonly issues: readonly unknown[] }): boolean => issues.length === 0;

export const completionRequestSchema = z
  .strictObject({
    model: text(256).openapi({
      description: 'The model of GET /v1/models, with or without the owner that it has on the Hugging Face hub.',
      example: 'distilgpt2',
    }),
    prompt: promptSchema.openapi({
      description: 'One prompt or several. Prompts × n is at most 128.',
      example: 'Once upon a time',
      oneOf: [
        { type: 'string', minLength: 1, maxLength: maxCompletionBytes, pattern: withoutNul },
        {
          type: 'array',
          minItems: 1,
          maxItems: maxChoices,
          items: { type: 'string', minLength: 1, maxLength: maxCompletionBytes, pattern: withoutNul },
        },
      ],
    }),
    max_tokens: withDefault(z.int().min(1).max(Number.MAX_SAFE_INTEGER), 16).openapi({
      description: 'New tokens of each choice. Prompt and new tokens must fit in the context of the model.',
    }),
    temperature: withDefault(parameterSchemas.temperature, defaults.temperature),
    top_p: withDefault(parameterSchemas.top_p, defaults.topP),
    top_k: withDefault(parameterSchemas.top_k, defaults.topK).openapi({
      description: 'Not in OpenAI’s API. Sample from the k likeliest tokens; 0: from all.',
    }),
    n: withDefault(z.int().min(1).max(maxChoices), 1).openapi({ description: 'Choices for each prompt.' }),
    stop: withDefault(parameterSchemas.stop, [...defaults.stop]),
    seed: optional(seedSchema).openapi({
      description: 'Same request, seed and system_fingerprint: same text. The choice i of a prompt has the seed + i.',
    }),
    stream: withDefault(z.boolean(), false).openapi({ description: 'Server-sent events, up to `data: [DONE]`.' }),
    stream_options: optional(streamOptions),
    user: optional(text(512)).openapi({ description: 'Kept in the metadata of the jobs.' }),
    best_of: neutral(1, 'every choice is returned'),
    echo: neutral(false, 'only the completion is returned'),
    frequency_penalty: neutral(0, 'there is no such penalty'),
    logit_bias: optional(
      z.record(z.string(), z.number()).refine((bias) => Object.keys(bias).length === 0, {
        error: 'must be empty, or left out: logits cannot be changed',
      }),
    ).openapi({ maxProperties: 0 }),
    logprobs: z.null({ error: 'must be null, or left out: probabilities are not returned' }).optional(),
    presence_penalty: neutral(0, 'there is no such penalty'),
    suffix: neutral('', 'the model only continues texts'),
  })
  .refine(({ prompt, n }) => prompt.length * n <= maxChoices, {
    path: ['n'],
    error: `prompts × n must be at most ${maxChoices}`,
    when: isParsed,
  })
  .refine(({ prompt, n }) => prompt.reduce((sum, { length }) => sum + length, 0) * n <= maxCompletionBytes, {
    path: ['n'],
    error: `the prompts of all choices must have at most ${maxCompletionBytes} characters together`,
    when: isParsed,
  })
  .openapi('CompletionRequest', { example: { model: 'distilgpt2', prompt: 'Once upon a time', max_tokens: 16 } });

export type CompletionRequest = z.infer<typeof completionRequestSchema>;

/** One request for each choice, in the order of their indexes: all choices of a prompt, then those of the next. */
export function toTextRequests(body: CompletionRequest): readonly TextRequest[] {
  const parameters = {
    ...defaults,
    maxNewTokens: body.max_tokens,
    temperature: body.temperature,
    topK: body.top_k,
    topP: body.top_p,
    stop: body.stop,
  };
  return body.prompt.flatMap((prompt) =>
    Array.from({ length: body.n }, (_, choice) => ({
      prompt,
      parameters,
      seed: body.seed === undefined ? null : (body.seed + choice) % 2 ** 32,
    })),
  );
}
