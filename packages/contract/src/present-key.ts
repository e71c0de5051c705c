/** An API key as clients see it, without its secret. */
import type { ApiKey, ValidApiKey } from '@prosemill/core';
import type { KeyBody } from './routes/keys.ts';
import type { MeBody } from './routes/me.ts';

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

/** The key of the caller, as its owner sees it. */
export const presentOwnKey = ({ id, name, prefix, scopes, expiresAt }: ValidApiKey): NonNullable<MeBody['key']> => ({
  id,
  name,
  prefix,
  scopes: [...scopes],
  expires_at: expiresAt?.toISOString() ?? null,
});
