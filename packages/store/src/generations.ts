/** Finished texts. */
import type { GenerationStore } from '@prosemill/core';
import { sql } from 'kysely';
import type { StoreContext } from './jobs/context.ts';
import { toGenerationRecord } from './rows.ts';

export const createGenerationStore = ({ db, dialect }: StoreContext): GenerationStore => ({
  async list({ ownerId, after, limit }) {
    let select = db.selectFrom('generation_records').selectAll().where('owner_id', '=', ownerId);
    if (after !== null) {
      const createdAt = dialect.writeTime(after.createdAt);
      select = select.where(sql<boolean>`(created_at, id) < (${createdAt}, ${after.id})`);
    }
    const rows = await select
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit + 1)
      .execute();
    return { items: rows.slice(0, limit).map(toGenerationRecord), hasMore: rows.length > limit };
  },

  async find(ownerId, id) {
    const row = await db
      .selectFrom('generation_records')
      .selectAll()
      .where('id', '=', id)
      .where('owner_id', '=', ownerId)
      .executeTakeFirst();
    return row === undefined ? null : toGenerationRecord(row);
  },
});
