/** `GET /me`: the owner and the key of the caller. */
import { z } from '@hono/zod-openapi';
import { keySchema } from './keys.ts';
import { defineRoute } from '../policy.ts';
import { commonErrors, problemResponses } from '../problem.ts';
import { headersOf } from './headers.ts';

const { id, name, prefix, scopes, expires_at } = keySchema.shape;

const meSchema = z
  .strictObject({
    owner: z.string().openapi({ description: 'The owner of the jobs that the caller makes and sees.' }),
    key: z.strictObject({ id, name, prefix, scopes, expires_at }).nullable().openapi({
      description: 'Null where no key is needed, and for ADMIN_KEY.',
    }),
  })
  .openapi('Me');

export type MeBody = z.infer<typeof meSchema>;

export const meRoute = defineRoute({
  method: 'get',
  path: '/me',
  policy: { scope: 'any' },
  operationId: 'me',
  tags: ['Service'],
  summary: 'The owner and the API key of the caller',
  responses: {
    200: { description: 'The caller.', headers: headersOf(), content: { 'application/json': { schema: meSchema } } },
    ...problemResponses(...commonErrors),
  },
});
