/** Claims: queued → running, and the renewals of their leases. */
import type { ClaimedJob, ClaimOptions, JobStore } from '@prosemill/core';
import { sql } from 'kysely';
import { withAnswerLimit } from '../answer-limit.ts';
import { toJob } from '../rows.ts';
import type { JobStoreContext, StoreContext } from '../store-context.ts';
import { insert, updateAndWrite } from './apply-change.ts';
import { isClaimable, lockRows } from './select-jobs.ts';

/** A renewal fails after a quarter of its lease: on a dead connection, before the next one is due after a third. */
const answersPerLease = 4;
/** The least time limit of a renewal: a shorter one would take a busy database for a dead connection. */
const leastAnswerMs = 500;

type ClaimMethods = Pick<JobStore, 'claim' | 'renew' | 'setWaiting'>;

export const createClaimMethods = ({ db, claimDb, dialect, retentionMs }: JobStoreContext): ClaimMethods => ({
  async claim(options) {
    // A job whose claim is lost with its process is still queued.
    return await dialect.lostWithProcess(claimDb, async (connection) => {
      // One statement writes all. Each further message costs the worker time of its core.
      if (dialect.writesInWith) return await claimFirst({ db: connection, dialect, retentionMs }, options);
      return await connection
        .transaction()
        .execute(async (tx) => await claimFirst({ db: tx, dialect, retentionMs }, options));
    });
  },

  async renew({ id, attempt }, leaseMs) {
    const update = db
      .updateTable('jobs')
      .set({ lease_until: dialect.nowPlus(leaseMs) })
      .where('id', '=', id)
      .where('attempt', '=', attempt)
      .where('status', '=', 'running')
      .returning(['cancel_requested_at', 'watched_at']);
    const limitMs = Math.max(leastAnswerMs, leaseMs / answersPerLease);
    const row = await withAnswerLimit(limitMs, async () => await update.executeTakeFirst());
    if (row === undefined) return null;
    return { cancelRequested: row.cancel_requested_at !== null, isWatched: row.watched_at !== null };
  },

  async setWaiting({ id, attempt }, isWaiting) {
    const { numUpdatedRows } = await db
      .updateTable('jobs')
      .set({ is_waiting: isWaiting ? 1 : null })
      .where('id', '=', id)
      .where('attempt', '=', attempt)
      .where('status', '=', 'running')
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  },
});

/** queued → running. The new attempt is the fencing token. */
async function claimFirst(
  { db, dialect, retentionMs }: StoreContext,
  { fromClass, workerId, leaseMs, model }: ClaimOptions,
): Promise<ClaimedJob | null> {
  const claimable = db.selectFrom('jobs').select('id').where(isClaimable(dialect, model.fingerprint)).limit(1);
  const event = insert('job_events', {
    job_id: sql.ref('id'),
    seq: sql.ref('version'),
    type: 'job-claimed',
    at: dialect.now,
    data: sql`'{"attempt":' || attempt || ',"actor":"worker"}'`,
  });
  const inOrder = claimable.orderBy('class').orderBy('turn').orderBy('id');
  for (let least: number = fromClass; least >= 0; least -= 1) {
    const first = lockRows(inOrder.where('class', '>=', least), { dialect, skipLocked: true });
    const update = db
      .updateTable('jobs')
      .set({
        version: sql`version + 1`,
        status: 'running',
        attempt: sql`attempt + 1`,
        lease_until: dialect.nowPlus(leaseMs),
        worker_id: workerId,
        started_at: dialect.now,
        model_name: model.name,
        model_revision: model.revision,
        model_engine: model.engine,
        model_dtype: model.dtype,
        model_fingerprint: model.fingerprint,
      })
      .where('id', '=', first)
      .where('status', '=', 'queued')
      .returningAll()
      .returning([
        dialect.msUntil('deadline_at').as('remainingMs'),
        dialect.msSince('available_at').as('waitedMs'),
        dialect.msSince('created_at').as('ageMs'),
      ]);
    const claimed = await updateAndWrite({ db, dialect }, update, [event]);
    if (claimed === undefined) continue;
    const { remainingMs, waitedMs, ageMs, ...row } = claimed;
    // Only a job that has succeeded has a generation record.
    const job = toJob({ ...row, generation_id: null, completion: null }, { retentionMs });
    return { job, remainingMs, waitedMs, ageMs };
  }
  return null;
}
