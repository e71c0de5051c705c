/** Batches: jobs that are submitted together, and canceled together. */
import type { Batch, BatchStore, IdempotencyKey } from '@prosemill/core';
import type { Kysely } from 'kysely';
import { cancelRow } from './jobs/cancel.ts';
import { findKeyHolders, keyReused } from './jobs/idempotency.ts';
import { lockRows } from './jobs/select-jobs.ts';
import { insertJobs, lockSubmits } from './jobs/submit.ts';
import { readTime, readTimeOrNull } from './rows.ts';
import type { Tables } from './schema.ts';
import type { StoreContext } from './store-context.ts';

export const createBatchStore = ({ db, dialect, retentionMs }: StoreContext): BatchStore => ({
  async submit({ id, ownerId, jobs, idempotency }) {
    return await db.transaction().execute(async (tx) => {
      await lockSubmits({ tx, dialect });
      const earlier = idempotency && (await findKeyHolder({ db: tx, dialect, retentionMs }, ownerId, idempotency));
      if (earlier != null) return earlier;
      await tx.insertInto('batches').values({ id, owner_id: ownerId, created_at: dialect.now }).execute();
      const [first, ...others] = jobs;
      const holder = first === undefined ? [] : [{ ...first, ...(idempotency && { idempotency }) }];
      await insertJobs({ tx, dialect }, [...holder, ...others]);
      return (await findBatch(tx, ownerId, id)) as Batch;
    });
  },

  find: async (ownerId, id) => await findBatch(db, ownerId, id),

  findByIdempotencyKey: async (ownerId, key) => await findKeyHolder({ db, dialect, retentionMs }, ownerId, key),

  async requestCancel(ownerId, id) {
    return await db.transaction().execute(async (tx) => {
      const select = tx
        .selectFrom('jobs')
        .selectAll()
        .where('batch_id', '=', id)
        .where('owner_id', '=', ownerId)
        .where('status', 'in', ['queued', 'running'])
        // In one order for all: two cancels of a batch do not wait for each other in a circle.
        .orderBy('id');
      const rows = await lockRows(select, { dialect, skipLocked: false }).execute();
      const changed: string[] = [];
      for (const row of rows) if (await cancelRow({ tx, dialect }, row)) changed.push(row.id);
      const batch = await findBatch(tx, ownerId, id);
      return batch === null ? null : { batch, changed };
    });
  },
});

/** @throws {AppError} `idempotency_key_reused` when the key holds something else */
async function findKeyHolder(
  context: StoreContext,
  ownerId: string,
  { key, requestHash }: IdempotencyKey,
): Promise<Batch | null> {
  const [holder] = (await findKeyHolders(context, [{ ownerId, key }])).values();
  if (holder === undefined) return null;
  const { batchId } = holder.job;
  if (holder.requestHash !== requestHash || batchId === null) throw keyReused();
  return await findBatch(context.db, ownerId, batchId);
}

async function findBatch(db: Kysely<Tables>, ownerId: string, id: string): Promise<Batch | null> {
  const rows = await db
    .selectFrom('batches')
    .innerJoin('jobs', 'jobs.batch_id', 'batches.id')
    .select(['batches.created_at', 'jobs.id', 'jobs.status', 'jobs.version', 'jobs.finished_at', 'jobs.custom_id'])
    .where('batches.id', '=', id)
    .where('batches.owner_id', '=', ownerId)
    .execute();
  const [first] = rows;
  if (first === undefined) return null;
  const jobs = rows.map((row) => ({
    id: row.id,
    status: row.status,
    version: row.version,
    finishedAt: readTimeOrNull(row.finished_at),
    customId: row.custom_id ?? '',
  }));
  return {
    id,
    ownerId,
    createdAt: readTime(first.created_at),
    // Not by the database: the collations of the two differ.
    jobs: jobs.toSorted((a, b) => (a.customId < b.customId ? -1 : 1)),
  };
}
