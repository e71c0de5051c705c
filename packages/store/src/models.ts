/** Models that workers serve or have served. */
import type { ModelStore } from '@prosemill/core';
import type { StoreContext } from './store-context.ts';

export const createModelStore = ({ db }: StoreContext): ModelStore => ({
  async save({ name, revision, contextLength, tokenizer }) {
    const columns = { context_length: contextLength, tokenizer };
    await db
      .insertInto('models')
      .values({ name, revision, ...columns })
      .onConflict((conflict) => conflict.columns(['name', 'revision']).doUpdateSet(columns))
      .execute();
  },

  async find(name, revision) {
    const row = await db
      .selectFrom('models')
      .select(['name', 'revision', 'context_length as contextLength', 'tokenizer'])
      .where('name', '=', name)
      .where('revision', '=', revision)
      .executeTakeFirst();
    return row ?? null;
  },
});
