/** The queue as a whole: its length, and its pause. */
import type { JobStore, Pauser, PriorityClass, QueuePause } from '@prosemill/core';
import { type Selectable, sql } from 'kysely';
import { readTime } from '../rows.ts';
import type { QueuePauseTable } from '../schema.ts';
import type { StoreContext } from '../store-context.ts';
import { countedBudget } from './places.ts';

/** The only id that table `queue_pause` allows. The queue is paused while its row exists; every claim looks for it. */
const pauseId = 1;

type QueueMethods = Pick<JobStore, 'measureQueue' | 'pause' | 'resume' | 'readPause'>;

const pauseColumns = ['paused_at', 'paused_by'] as const;

export const createQueueMethods = ({ db, dialect }: StoreContext): QueueMethods => ({
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
        'owner_id',
        'status',
        'class',
        (builder) => builder.fn.countAll<number>().as('count'),
        sql<number>`cast(sum(${countedBudget}) as bigint)`.as('tokens'),
        // Postgres sums bigints as `numeric`, which the driver reads as text.
        sql<number>`cast(sum(case when status = 'running' then ${dialect.msSince('started_at')} else 0 end) as bigint)`.as(
          'running_ms',
        ),
        oldest.as('oldest_queued_ms'),
      ])
      .where('status', 'in', ['queued', 'running'])
      .groupBy(['owner_id', 'status', 'class'])
      .execute();
    const queued = rows.filter(({ status }) => status === 'queued');
    const running = rows.filter(({ status }) => status === 'running');
    return {
      queued: total(queued, ({ count }) => count),
      running: total(running, ({ count }) => count),
      queuedTokens: total(queued, ({ tokens }) => tokens),
      runningTokens: total(running, ({ tokens }) => tokens),
      runningMs: total(running, ({ running_ms: runningMs }) => runningMs),
      queuedByClass: countBy(queued, (row) => row.class as PriorityClass),
      runningByClass: countBy(running, (row) => row.class as PriorityClass),
      queuedByOwner: new Map(
        [...Map.groupBy(queued, (row) => row.owner_id)].map(([id, ofOwner]) => [id, loadOf(ofOwner)]),
      ),
      oldestQueuedMs: rows[0]?.oldest_queued_ms ?? null,
    };
  },

  async pause(by) {
    const row = await db
      .insertInto('queue_pause')
      .values({ id: pauseId, paused_at: dialect.now, paused_by: JSON.stringify(by) })
      // An update that changes nothing: only an update returns the row that is there.
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ id: pauseId }))
      .returning(pauseColumns)
      .executeTakeFirstOrThrow();
    return toPause(row);
  },

  async resume() {
    await db.deleteFrom('queue_pause').execute();
  },

  async readPause() {
    const row = await db.selectFrom('queue_pause').select(pauseColumns).executeTakeFirst();
    return row === undefined ? null : toPause(row);
  },
});

const toPause = (row: Pick<Selectable<QueuePauseTable>, (typeof pauseColumns)[number]>): QueuePause => ({
  pausedAt: readTime(row.paused_at),
  pausedBy: row.paused_by === null ? null : (JSON.parse(row.paused_by) as Pauser),
});

const total = <Row>(rows: readonly Row[], valueOf: (row: Row) => number): number =>
  rows.reduce((sum, row) => sum + valueOf(row), 0);

const loadOf = (rows: readonly { readonly count: number; readonly tokens: number }[]) => ({
  jobs: total(rows, ({ count }) => count),
  tokens: total(rows, ({ tokens }) => tokens),
});

function countBy<Row extends { readonly count: number }, Key>(rows: readonly Row[], keyOf: (row: Row) => Key) {
  const counts = new Map<Key, number>();
  for (const row of rows) counts.set(keyOf(row), (counts.get(keyOf(row)) ?? 0) + row.count);
  return counts;
}
