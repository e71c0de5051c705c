/** Finished texts. */
import type { GenerationStore } from '@prosemill/core';
import { sql } from 'kysely';
import { readPage } from './read-page.ts';
import { toGenerationRecord } from './rows.ts';
import type { StoreContext } from './store-context.ts';

/** The job of a record is to be stored. The others are few, because they are purged soon after their end. */
const isStored = sql<boolean>`job_id not in (
  select id from jobs where is_stored = 0 and finished_at is not null and purged_at is null
)`;

export const createGenerationStore = ({ db, dialect }: StoreContext): GenerationStore => ({
  async list({ ownerId, after, limit }) {
    const records = db.selectFrom('generation_records').selectAll().where('owner_id', '=', ownerId).where(isStored);
    return await readPage(records, { dialect, table: 'generation_records', after, limit, toItem: toGenerationRecord });
  },

  async find(ownerId, id) {
    const row = await db
      .selectFrom('generation_records')
      .selectAll()
      .where('id', '=', id)
      .where('owner_id', '=', ownerId)
      .where(isStored)
      .executeTakeFirst();
    return row === undefined ? null : toGenerationRecord(row);
  },
});
