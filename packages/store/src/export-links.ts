/** Download links. The hash of its token finds a link, and nothing else. */
import type { ExportFilter, ExportLinkStore } from '@prosemill/core';
import { sql } from 'kysely';
import { isValidKey } from './api-keys.ts';
import { readTime } from './rows.ts';
import type { StoreContext } from './store-context.ts';

export const createExportLinkStore = ({ db, dialect }: StoreContext): ExportLinkStore => ({
  async create({ hash, request, keyId, expiresInMs }) {
    const { ownerId, format, ...filter } = request;
    const row = await db
      .insertInto('export_links')
      .values({
        hash,
        owner_id: ownerId,
        key_id: keyId,
        format,
        filter: JSON.stringify(filter),
        expires_at: dialect.nowPlus(expiresInMs),
      })
      .returning('expires_at')
      .executeTakeFirstOrThrow();
    return readTime(row.expires_at);
  },

  async take(hash) {
    const row = await db
      .deleteFrom('export_links')
      .where('hash', '=', hash)
      .where('expires_at', '>', dialect.now)
      .where(
        sql<boolean>`(key_id is null or exists (
          select 1 from api_keys where api_keys.id = export_links.key_id and ${isValidKey(dialect)}
        ))`,
      )
      .returning(['owner_id as ownerId', 'format', 'filter'])
      .executeTakeFirst();
    return row === undefined ? null : { ownerId: row.ownerId, format: row.format, ...readFilter(row.filter) };
  },

  async deleteExpired() {
    await db.deleteFrom('export_links').where('expires_at', '<=', dialect.now).execute();
  },
});

/** Times are strings in JSON. */
function readFilter(json: string): ExportFilter {
  const { createdAfter, createdBefore, ...rest } = JSON.parse(json) as Omit<
    ExportFilter,
    'createdAfter' | 'createdBefore'
  > & { readonly createdAfter?: string; readonly createdBefore?: string };
  return { ...rest, createdAfter: toDate(createdAfter), createdBefore: toDate(createdBefore) };
}

const toDate = (time: string | undefined): Date | undefined => (time === undefined ? undefined : new Date(time));
