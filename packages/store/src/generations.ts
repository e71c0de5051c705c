/** Finished texts. */
import type { GenerationStore } from '@prosemill/core';
import { readPage } from './read-page.ts';
import { toGenerationRecord } from './rows.ts';
import type { StoreContext } from './store-context.ts';

export const createGenerationStore = ({ db, dialect }: StoreContext): GenerationStore => ({
  async list({ ownerId, after, limit }) {
    const records = db.selectFrom('generation_records').selectAll().where('owner_id', '=', ownerId);
    return await readPage(records, { dialect, table: 'generation_records', after, limit, toItem: toGenerationRecord });
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
