/** API keys. They are the only rows that are found without their owner: the hash of the secret identifies it. */
import type { ApiKey, ApiKeyStore, Scope } from '@prosemill/core';
import { type Selectable, sql } from 'kysely';
import type { Dialect } from './dialect.ts';
import { readPage } from './read-page.ts';
import { readTime, readTimeOrNull } from './rows.ts';
import type { ApiKeyTable } from './schema.ts';
import type { StoreContext } from './store-context.ts';

/** `last_used_at` may be this old: a write for every request would cost more than it is worth. */
const useIntervalMs = 3_600_000;

export const createApiKeyStore = ({ db, dialect }: StoreContext): ApiKeyStore => ({
  async create({ id, ownerId, name, hash, prefix, scopes, expiresInMs }) {
    const row = await db
      .insertInto('api_keys')
      .values({
        id,
        owner_id: ownerId,
        name,
        hash,
        prefix,
        scopes: JSON.stringify(scopes),
        created_at: dialect.now,
        expires_at: expiresInMs === null ? null : dialect.nowPlus(expiresInMs),
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    return toApiKey(row);
  },

  async findValid(hash) {
    const row = await db
      .selectFrom('api_keys')
      .select(['id', 'owner_id as ownerId', 'name', 'prefix', 'scopes', 'expires_at as expiresAt'])
      .select(dialect.msUntil('expires_at').as('remainingMs'))
      .where('hash', '=', hash)
      .where(isValidKey(dialect))
      .executeTakeFirst();
    if (row === undefined) return null;
    return { ...row, scopes: readScopes(row.scopes), expiresAt: readTimeOrNull(row.expiresAt) };
  },

  async list({ after, limit }) {
    const keys = db.selectFrom('api_keys').selectAll();
    return await readPage(keys, { dialect, table: 'api_keys', after, limit, toItem: toApiKey });
  },

  async revoke(id) {
    const { numUpdatedRows } = await db
      .updateTable('api_keys')
      .set({ revoked_at: sql`coalesce(revoked_at, ${dialect.now})` })
      .where('id', '=', id)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  },

  async recordUse(id) {
    await db
      .updateTable('api_keys')
      .set({ last_used_at: dialect.now })
      .where('id', '=', id)
      .where(sql<boolean>`(last_used_at is null or last_used_at <= ${dialect.nowPlus(-useIntervalMs)})`)
      .execute();
  },

  async hasValid() {
    const row = await db.selectFrom('api_keys').select('id').where(isValidKey(dialect)).limit(1).executeTakeFirst();
    return row !== undefined;
  },
});

/** The key is neither revoked nor expired. */
export const isValidKey = ({ now }: Dialect) =>
  sql<boolean>`revoked_at is null and (expires_at is null or expires_at > ${now})`;

const readScopes = (scopes: string): readonly Scope[] => JSON.parse(scopes) as readonly Scope[];

const toApiKey = (row: Selectable<ApiKeyTable>): ApiKey => ({
  id: row.id,
  ownerId: row.owner_id,
  name: row.name,
  prefix: row.prefix,
  scopes: readScopes(row.scopes),
  createdAt: readTime(row.created_at),
  expiresAt: readTimeOrNull(row.expires_at),
  revokedAt: readTimeOrNull(row.revoked_at),
  lastUsedAt: readTimeOrNull(row.last_used_at),
});
