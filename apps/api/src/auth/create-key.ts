/** Makes an API key, for /admin/keys and `pnpm keys`. */
import type { KeyRequest } from '@prosemill/contract';
import { type ApiKeyStore, newId } from '@prosemill/core';
import { createSecret } from './api-key-secret.ts';

/** @returns the key, and its secret, which is not stored */
export async function createKey(keys: ApiKeyStore, request: KeyRequest) {
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
