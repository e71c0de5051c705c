/** `/admin/keys`: makes, lists and revokes the API keys of all owners. */
import { createKeyRoute, listKeysRoute, presentKey, revokeKeyRoute } from '@prosemill/contract';
import { AppError } from '@prosemill/core';
import type { ApiServices } from '../api-services.ts';
import type { AddRoute } from '../route-table.ts';
import { createKey } from '../auth/create-key.ts';
import { isUuid } from '../wire/is-uuid.ts';
import { linkNextPage } from '../wire/next-link.ts';

export function addKeyRoutes(addRoute: AddRoute, { store, knownKeys }: ApiServices): void {
  addRoute(createKeyRoute, async (c) => {
    const { key, secret } = await createKey(store.apiKeys, c.req.valid('json'));
    const { keyId } = c.var.caller;
    c.var.logger.info({ keyId, newKeyId: key.id, owner: key.ownerId, scopes: key.scopes }, 'an API key was made');
    return c.json({ ...presentKey(key), secret }, 201);
  });

  addRoute(listKeysRoute, async (c) => {
    const { limit, cursor = null } = c.req.valid('query');
    const page = await store.apiKeys.list({ after: cursor, limit });
    const data = page.items.map(presentKey);
    return c.json({ data, has_more: page.hasMore, next_cursor: linkNextPage(c, page) }, 200);
  });

  addRoute(revokeKeyRoute, async (c) => {
    const { id } = c.req.valid('param');
    const isThere = isUuid(id) && (await store.apiKeys.revoke(id.toLowerCase()));
    if (!isThere) throw new AppError('not_found', { message: `There is no API key ${id.slice(0, 64)}.` });
    knownKeys.forget(id.toLowerCase());
    c.var.logger.info({ keyId: c.var.caller.keyId, revokedKeyId: id }, 'an API key was revoked');
    return c.body(null, 204);
  });
}
