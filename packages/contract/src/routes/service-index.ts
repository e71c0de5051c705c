/** `GET /`: the version, model, limits and paths of the service. */
import { z } from '@hono/zod-openapi';
import { parameterSchemas, seedSchema } from '../generation-request.ts';
import { modelSchema, orNull, parametersSchema } from '../job.ts';
import { defineRoute } from '../policy.ts';
import { everyError, pageContent, problemResponses, withPages } from '../problem.ts';
import { ifNoneMatchHeader } from './headers.ts';

/** A part of JSON Schema, with its names. */
const rangeSchema = z.strictObject({
  type: z.enum(['number', 'integer']),
  minimum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  maximum: z.number(),
});

const serviceIndexSchema = z
  .strictObject({
    version: z.string(),
    auth: z.enum(['off', 'keys']).openapi({ description: 'keys: requests need an API key.' }),
    model: orNull(modelSchema).openapi({ description: 'The model of the workers; null until one has loaded it.' }),
    limits: z.strictObject({
      prompt_characters: z.int().openapi({ description: 'Of a prompt, in Unicode code points.' }),
      max_length: z.int().openapi({ description: 'The largest max_length.' }),
      context_tokens: z.int().nullable().openapi({ description: 'Prompt and text together; null until it is known.' }),
      stop: z.int().openapi({ description: 'Stop strings of a request.' }),
      stop_characters: z.int().openapi({ description: 'Of a stop string.' }),
      parameters: z.record(z.string(), rangeSchema).openapi({
        description:
          'The values of numeric parameters, as JSON Schema; without those whose range depends on the model.',
      }),
      queue: z.int().openapi({ description: 'Jobs that may wait at once.' }),
    }),
    defaults: parametersSchema.openapi({ description: 'The parameters of a request that has only a prompt.' }),
    links: z.record(z.string(), z.string()).openapi({ description: 'Paths of this service by name.' }),
  })
  .openapi('ServiceIndex');

export type ServiceIndex = z.infer<typeof serviceIndexSchema>;

const { temperature, top_k, top_p, repetition_penalty } = parameterSchemas;

export const parameterRanges: ServiceIndex['limits']['parameters'] = Object.fromEntries(
  Object.entries({ temperature, top_k, top_p, repetition_penalty, seed: seedSchema }).map(([name, schema]) => {
    const { $schema: _, ...range } = z.toJSONSchema(schema);
    return [name, rangeSchema.parse(range)];
  }),
);

const string = { type: 'string' as const };

const headers = {
  Vary: { required: true, schema: string, description: 'Accept, and for the page also Accept-Encoding.' },
  ETag: { schema: string, description: 'Weak; of the page. Absent with JSON.' },
};

export const serviceIndexRoute = defineRoute({
  method: 'get',
  path: '/',
  policy: { scope: null, isPage: true },
  operationId: 'serviceIndex',
  tags: ['Service'],
  summary: 'The service: its version, model, limits and paths',
  description: 'For a client that prefers HTML to JSON, as browsers do: the page of the service, and errors as pages.',
  request: { headers: ifNoneMatchHeader },
  responses: {
    200: {
      description: 'The service.',
      headers,
      content: { 'application/json': { schema: serviceIndexSchema }, ...pageContent },
    },
    304: { description: 'The page is unchanged.', headers },
    ...withPages(problemResponses(...everyError, 'shutting_down')),
  },
});
