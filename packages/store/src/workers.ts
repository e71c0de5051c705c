/** Reports of workers: the latest one of each. */
import {
  lookMs,
  type ModelIdentity,
  type WorkerActivity,
  workerGoneMs,
  type WorkerSpeed,
  type WorkerStore,
} from '@prosemill/core';
import { sql } from 'kysely';
import { readTime } from './rows.ts';
import type { StoreContext } from './store-context.ts';

/** A look that follows another one sooner is not stored: any number of lookers costs one write in this time. */
const storedLookMs = lookMs / 2;

export const createWorkerStore = ({ db, dialect }: StoreContext): WorkerStore => ({
  async report({ id, state, loadProgress, note, model, slots, busy, speed, activity }) {
    const columns = {
      heartbeat_at: dialect.now,
      state,
      load_progress: loadProgress,
      note,
      model: jsonOrNull(model),
      slots,
      busy,
      speed: jsonOrNull(speed),
      activity: jsonOrNull(activity),
    };
    const row = await db
      .insertInto('workers')
      .values({ id, ...columns })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(columns))
      .returning(sql<boolean | number | null>`looked_at >= ${dialect.nowPlus(-lookMs)}`.as('is_watched'))
      .executeTakeFirstOrThrow();
    return Boolean(row.is_watched);
  },

  async look() {
    const rows = await db
      .updateTable('workers')
      .set({ looked_at: dialect.now })
      .where('heartbeat_at', '>=', dialect.nowPlus(-workerGoneMs))
      .where((builder) =>
        builder.or([builder('looked_at', 'is', null), builder('looked_at', '<', dialect.nowPlus(-storedLookMs))]),
      )
      .returning('id')
      .execute();
    return rows.map(({ id }) => id);
  },

  async listLive(maxAgeMs) {
    const rows = await db
      .selectFrom('workers')
      .select(['id', 'state', 'load_progress as loadProgress', 'note', 'model', 'slots', 'busy', 'speed', 'activity'])
      .select(dialect.now.as('listedAt'))
      .where('heartbeat_at', '>=', dialect.nowPlus(-maxAgeMs))
      .orderBy('id')
      .execute();
    return rows.map(({ model, speed, activity, listedAt, ...report }) =>
      Object.assign(report, {
        model: model === null ? null : (JSON.parse(model) as ModelIdentity),
        speed: speed === null ? null : (JSON.parse(speed) as WorkerSpeed),
        activity: activity === null ? null : (JSON.parse(activity) as WorkerActivity),
        listedAt: readTime(listedAt),
      }),
    );
  },

  async remove(id) {
    await db.deleteFrom('workers').where('id', '=', id).execute();
  },
});

const jsonOrNull = (value: object | null): string | null => (value === null ? null : JSON.stringify(value));
