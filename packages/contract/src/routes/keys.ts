/** `/admin/keys`: API keys. */
import { z } from '@hono/zod-openapi';
import { revocationDelayMs, scopes } from '@prosemill/core';
import { uuidCursor } from '../cursor.ts';
import { optional, withDefault } from '../optional.ts';
import { defineRoute } from '../policy.ts';
import { bodyErrors, commonErrors, problemResponses } from '../problem.ts';
import { pageOf, pageSize, text, time } from '../text.ts';
import { headersOf } from './headers.ts';
import { links } from './links.ts';

const tenYearsInSeconds = 315_360_000;

export const keyRequestSchema = z
  .strictObject({
    owner: z
      .string()
      .regex(/^[A-Za-z0-9._@-]{1,64}$/, { error: 'must be 1 to 64 letters, digits or ._@-' })
      .openapi({
        description: 'The owner of the jobs. Keys of one owner share them; without keys the owner is local.',
      }),
    name: text(100).openapi({ description: 'The purpose of the key.' }),
    scopes: withDefault(z.array(z.enum(scopes)).min(1).max(scopes.length), ['generate', 'read']).openapi({
      description: 'The rights of the key.',
    }),
    expires_in_seconds: optional(z.int().min(1).max(tenYearsInSeconds)).openapi({
      description: 'From now; absent: never.',
    }),
  })
  .openapi('ApiKeyRequest', { example: { owner: 'acme', name: 'website', scopes: ['generate', 'read'] } });

export type KeyRequest = z.infer<typeof keyRequestSchema>;
/** As clients write it. */
export type KeyRequestBody = z.input<typeof keyRequestSchema>;

export const keySchema = z
  .strictObject({
    id: z.uuid(),
    object: z.literal('api_key'),
    owner: z.string(),
    name: z.string(),
    prefix: z.string().openapi({ description: 'The beginning of the secret.', example: 'pm_4fG7bc' }),
    scopes: z.array(z.enum(scopes)),
    created_at: time,
    expires_at: time.nullable(),
    revoked_at: time.nullable(),
    last_used_at: time.nullable().openapi({ description: 'At most an hour behind.' }),
  })
  .openapi('ApiKey');

export type KeyBody = z.infer<typeof keySchema>;

/** Not `keySchema.extend()`: it writes `allOf` into /openapi.json, with a schema that allows no `secret`. */
const newKeySchema = z.strictObject({ ...keySchema.shape, secret: z.string() }).openapi('NewApiKey');

export type NewKeyBody = z.infer<typeof newKeySchema>;

const keyPageSchema = pageOf(keySchema, 'ApiKeyPage');

export type KeyPage = z.infer<typeof keyPageSchema>;

export const createKeyRoute = defineRoute({
  method: 'post',
  path: '/admin/keys',
  policy: { scope: 'admin' },
  operationId: 'createKey',
  tags: ['Operations'],
  summary: 'Make an API key',
  request: { body: { required: true, content: { 'application/json': { schema: keyRequestSchema } } } },
  responses: {
    201: {
      description: 'The key with its secret, which nobody can show again.',
      headers: headersOf(),
      content: { 'application/json': { schema: newKeySchema } },
      links: links.key('/id'),
    },
    ...problemResponses(...bodyErrors, ...commonErrors),
  },
});

export const listKeysRoute = defineRoute({
  method: 'get',
  path: '/admin/keys',
  policy: { scope: 'admin' },
  operationId: 'listKeys',
  tags: ['Operations'],
  summary: 'List API keys, newest first',
  description: 'Of all owners, including keys that are no longer valid.',
  request: {
    query: z.strictObject({
      limit: pageSize(100, 20),
      cursor: uuidCursor.optional().openapi({ description: 'next_cursor of the page before.' }),
    }),
  },
  responses: {
    200: {
      description: 'A page of keys.',
      headers: headersOf('link'),
      content: { 'application/json': { schema: keyPageSchema } },
    },
    ...problemResponses(...commonErrors),
  },
});

export const revokeKeyRoute = defineRoute({
  method: 'delete',
  path: '/admin/keys/{id}',
  policy: { scope: 'admin' },
  operationId: 'revokeKey',
  tags: ['Operations'],
  summary: 'Revoke an API key',
  description:
    'It stays in the list. This process refuses it at once, ' +
    `every other within ${revocationDelayMs / 1_000} s. A second time changes nothing.`,
  request: { params: z.object({ id: z.string().openapi({ description: 'The id of a key.', format: 'uuid' }) }) },
  responses: {
    204: { description: 'It is revoked.', headers: headersOf() },
    ...problemResponses('not_found', ...commonErrors),
  },
});
