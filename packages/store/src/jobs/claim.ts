/** Claims: queued → running, and the renewals of their leases. */
import { claim, type ClaimOptions, type JobStore } from '@prosemill/core';
import { sql } from 'kysely';
import { withAnswerLimit } from '../answer-limit.ts';
import { toJob, toTransitionState } from '../rows.ts';
import type { JobRow } from '../schema.ts';
import type { StoreContext, TransactionContext } from '../store-context.ts';
import { applyChange } from './apply-change.ts';
import { isClaimable, lockRows, selectJobs } from './select-jobs.ts';

/** A renewal fails after a quarter of its lease: on a dead connection, before the next one is due after a third. */
const answersPerLease = 4;
/** The least time limit of a renewal: a shorter one would take a busy database for a dead connection. */
const leastAnswerMs = 500;

export const createClaimMethods = ({ db, dialect, retentionMs }: StoreContext): Pick<JobStore, 'claim' | 'renew'> => ({
  async claim({ fromClass, workerId, leaseMs, model }) {
    return await db.transaction().execute(async (tx) => {
      const row = await lockFirst({ tx, dialect }, { fromClass, model });
      if (row === undefined) return null;
      const change = claim(toTransitionState(row));
      const lease = {
        lease_until: dialect.nowPlus(leaseMs),
        worker_id: workerId,
        started_at: dialect.now,
        model_name: model.name,
        model_revision: model.revision,
        model_engine: model.engine,
        model_dtype: model.dtype,
        model_fingerprint: model.fingerprint,
      };
      if (!(await applyChange({ tx, dialect }, { row, change, actor: 'worker', lease }))) return null;
      const { remainingMs, waitedMs, ageMs, ...claimed } = await selectJobs(tx)
        .select([
          dialect.msUntil('jobs.deadline_at').as('remainingMs'),
          dialect.msSince('jobs.available_at').as('waitedMs'),
          dialect.msSince('jobs.created_at').as('ageMs'),
        ])
        .where('jobs.id', '=', row.id)
        .executeTakeFirstOrThrow();
      return { job: toJob(claimed, { retentionMs }), remainingMs, waitedMs, ageMs };
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
});

/** Locks the row that the next claim takes. */
async function lockFirst(
  { tx, dialect }: TransactionContext,
  { fromClass, model }: Pick<ClaimOptions, 'fromClass' | 'model'>,
): Promise<JobRow | undefined> {
  // With statistics from before a burst, Postgres expects a handful of queued rows. It would read and sort all of them
  // instead of walking the index to the first one.
  if (dialect.plannerSettings) await sql`set local enable_sort = off`.execute(tx);
  const claimable = tx.selectFrom('jobs').selectAll().where(isClaimable(dialect, model.fingerprint)).limit(1);
  const inOrder = claimable.orderBy('class').orderBy('turn').orderBy('id');
  for (let least: number = fromClass; least >= 0; least -= 1) {
    const first = lockRows(inOrder.where('class', '>=', least), { dialect, skipLocked: true });
    const row = await first.executeTakeFirst();
    if (row !== undefined) return row;
  }
  return undefined;
}
