/** The queue as a whole: its length, and its pause. */
import type { JobStore, PriorityClass } from '@prosemill/core';
import type { StoreContext } from '../store-context.ts';

/** The only id that table `queue_pause` allows. The queue is paused while its row exists; every claim looks for it. */
const pauseId = 1;

type QueueMethods = Pick<JobStore, 'countOpen' | 'measureQueue' | 'setPaused' | 'isPaused'>;

export const createQueueMethods = ({ db, dialect }: StoreContext): QueueMethods => ({
  async countOpen() {
    const rows = await db
      .selectFrom('jobs')
      .select(['owner_id', 'status', (builder) => builder.fn.countAll<number>().as('count')])
      .where('status', 'in', ['queued', 'running'])
      .groupBy(['owner_id', 'status'])
      .execute();
    const queuedRows = rows.filter(({ status }) => status === 'queued');
    const sum = (some: typeof rows): number => some.reduce((total, { count }) => total + count, 0);
    const queued = sum(queuedRows);
    return {
      queued,
      running: sum(rows) - queued,
      queuedByOwner: new Map(queuedRows.map(({ owner_id: ownerId, count }) => [ownerId, count])),
    };
  },

  async measureQueue() {
    const oldest = db
      .selectFrom('jobs')
      .select(dialect.msSince('created_at').as('age_ms'))
      .where('status', '=', 'queued')
      .orderBy('created_at')
      .orderBy('id')
      .limit(1);
    const rows = await db
      .selectFrom('jobs')
      .select([
        'status',
        'class',
        (builder) => builder.fn.countAll<number>().as('count'),
        oldest.as('oldest_queued_ms'),
      ])
      .where('status', 'in', ['queued', 'running'])
      .groupBy(['status', 'class'])
      .execute();
    return {
      counts: rows.map(({ status, class: priorityClass, count }) => ({
        status: status as 'queued' | 'running',
        priorityClass: priorityClass as PriorityClass,
        count,
      })),
      oldestQueuedMs: rows[0]?.oldest_queued_ms ?? null,
    };
  },

  async setPaused(paused) {
    if (!paused) {
      await db.deleteFrom('queue_pause').execute();
      return;
    }
    await db
      .insertInto('queue_pause')
      .values({ id: pauseId, paused_at: dialect.now })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  },

  async isPaused() {
    return (await db.selectFrom('queue_pause').select('id').executeTakeFirst()) !== undefined;
  },
});
