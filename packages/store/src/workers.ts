/** Reports of workers: the latest one of each. */
import type { ModelIdentity, WorkerSpeed, WorkerStore } from '@prosemill/core';
import { readTime } from './rows.ts';
import type { StoreContext } from './store-context.ts';

export const createWorkerStore = ({ db, dialect }: StoreContext): WorkerStore => ({
  async report({ id, state, loadProgress, note, model, slots, busy, speed }) {
    const columns = {
      heartbeat_at: dialect.now,
      state,
      load_progress: loadProgress,
      note,
      model: model === null ? null : JSON.stringify(model),
      slots,
      busy,
      speed: speed === null ? null : JSON.stringify(speed),
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
      .select(['id', 'state', 'load_progress as loadProgress', 'note', 'model', 'slots', 'busy', 'speed'])
      .select(dialect.now.as('listedAt'))
      .where('heartbeat_at', '>=', dialect.nowPlus(-maxAgeMs))
      .orderBy('id')
      .execute();
    return rows.map(({ model, speed, listedAt, ...report }) =>
      Object.assign(report, {
        model: model === null ? null : (JSON.parse(model) as ModelIdentity),
        speed: speed === null ? null : (JSON.parse(speed) as WorkerSpeed),
        listedAt: readTime(listedAt),
      }),
    );
  },

  async remove(id) {
    await db.deleteFrom('workers').where('id', '=', id).execute();
  },
});
