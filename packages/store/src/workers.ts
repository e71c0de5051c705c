/** Which workers live, and the models they serve. */
import type { ModelIdentity, ModelStore, WorkerStore } from '@prosemill/core';
import type { StoreContext } from './jobs/context.ts';

export const createWorkerStore = ({ db, dialect }: StoreContext): WorkerStore => ({
  async report({ id, state, loadProgress, note, model, slots, busy }) {
    const columns = {
      heartbeat_at: dialect.now,
      state,
      load_progress: loadProgress,
      note,
      model: model === null ? null : JSON.stringify(model),
      slots,
      busy,
    };
    await db
      .insertInto('workers')
      .values({ id, ...columns })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(columns))
      .execute();
  },

  async listLive(maxAgeMs) {
    const rows = await db
      .selectFrom('workers')
      .selectAll()
      .where('heartbeat_at', '>=', dialect.nowPlus(-maxAgeMs))
      .orderBy('id')
      .execute();
    return rows.map(({ id, state, load_progress: loadProgress, note, model, slots, busy }) => ({
      id,
      state,
      loadProgress,
      note,
      model: model === null ? null : (JSON.parse(model) as ModelIdentity),
      slots,
      busy,
    }));
  },

  async remove(id) {
    await db.deleteFrom('workers').where('id', '=', id).execute();
  },
});

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
      .selectAll()
      .where('name', '=', name)
      .where('revision', '=', revision)
      .executeTakeFirst();
    if (row === undefined) return null;
    return { name, revision, contextLength: row.context_length, tokenizer: row.tokenizer };
  },
});
