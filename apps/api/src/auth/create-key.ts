/** Makes an API key, for /admin/keys and `pnpm keys`. */
import type { KeyRequest } from '@prosemill/contract';
import { type ApiKey, type ApiKeyStore, newId } from '@prosemill/core';
import { createSecret } from './api-key-secret.ts';

export interface CreatedKey {
  readonly key: ApiKey;
  /** Not stored: only the caller has it. */
  readonly secret: string;
}

export async function createKey(keys: ApiKeyStore, request: KeyRequest): Promise<CreatedKey> {
  const { secret, hash, prefix } = createSecret();
  const key = await keys.create({
    id: newId(),
    ownerId: request.owner,
    name: request.name,
    hash,
    prefix,
    scopes: [...new Set(request.scopes)],
    expiresInMs: request.expires_in_seconds === undefined ? null : request.expires_in_seconds * 1_000,
  });
  return { key, secret };
}
