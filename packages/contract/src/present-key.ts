/** An API key as clients see it, without its secret. */
import type { ApiKey } from '@prosemill/core';
import type { KeyBody } from './routes/keys.ts';

export const presentKey = (key: ApiKey): KeyBody => ({
  id: key.id,
  object: 'api_key',
  owner: key.ownerId,
  name: key.name,
  prefix: key.prefix,
  scopes: [...key.scopes],
  created_at: key.createdAt.toISOString(),
  expires_at: key.expiresAt?.toISOString() ?? null,
  revoked_at: key.revokedAt?.toISOString() ?? null,
  last_used_at: key.lastUsedAt?.toISOString() ?? null,
});
