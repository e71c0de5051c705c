/** Reports of workers: the latest one of each. */
import type { ModelIdentity, WorkerStore } from '@prosemill/core';
import type { StoreContext } from './store-context.ts';

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
      .select(['id', 'state', 'load_progress as loadProgress', 'note', 'model', 'slots', 'busy'])
      .where('heartbeat_at', '>=', dialect.nowPlus(-maxAgeMs))
      .orderBy('id')
      .execute();
    return rows.map(({ model, ...report }) =>
      Object.assign(report, { model: model === null ? null : (JSON.parse(model) as ModelIdentity) }),
    );
  },

  async remove(id) {
    await db.deleteFrom('workers').where('id', '=', id).execute();
  },
});
