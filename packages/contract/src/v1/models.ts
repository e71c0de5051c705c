/** `GET /v1/models`: the model of the workers, as OpenAI's clients list it. */
import { z } from '@hono/zod-openapi';
import { defineRoute } from '../policy.ts';
import { commonErrors } from '../problem.ts';
import { headersOf } from '../routes/headers.ts';
import { openAiErrorResponses, presentOpenAiError } from './open-ai-error.ts';

export const servedModelSchema = z
  .strictObject({
    id: z.string(),
    object: z.literal('model'),
    created: z.int().openapi({ description: 'Always 0: the time is not known.' }),
    owned_by: z.string(),
  })
  .openapi('ServedModel');

const policy = { scope: 'read', errors: presentOpenAiError } as const;
const common = { method: 'get' as const, policy, tags: ['OpenAI'] };

export const listModelsRoute = defineRoute({
  ...common,
  path: '/v1/models',
  operationId: 'listModels',
  summary: 'List the model, as OpenAI’s clients ask for it',
  responses: {
    200: {
      description: 'The model of the workers; an empty list until one has loaded it.',
      headers: headersOf(),
      content: {
        'application/json': {
          schema: z
            .strictObject({ object: z.literal('list'), data: z.array(servedModelSchema) })
            .openapi('ServedModels'),
        },
      },
    },
    ...openAiErrorResponses(...commonErrors),
  },
});

const getModel = {
  ...common,
  summary: 'Get the model, if it is served',
  responses: {
    200: {
      description: 'The model, under the name that was asked for.',
      headers: headersOf(),
      content: { 'application/json': { schema: servedModelSchema } },
    },
    ...openAiErrorResponses('model_not_found', ...commonErrors),
  },
};

export const getModelRoute = defineRoute({
  ...getModel,
  path: '/v1/models/{id}',
  operationId: 'getModel',
  request: { params: z.object({ id: z.string().openapi({ description: 'The name of a model.' }) }) },
});

/** OpenAPI has no parameters with a slash. Some clients do not encode the slash of an id. */
export const getOwnedModelRoute = defineRoute({
  ...getModel,
  path: '/v1/models/{owner}/{name}',
  operationId: 'getOwnedModel',
  request: {
    params: z.object({
      owner: z.string().openapi({ description: 'The owner that the model has on the Hugging Face hub.' }),
      name: z.string(),
    }),
  },
});

/** @param id  The name that the client uses. */
export const presentModel = (id: string): z.infer<typeof servedModelSchema> => ({
  id,
  object: 'model',
  created: 0,
  owned_by: 'prosemill',
});
