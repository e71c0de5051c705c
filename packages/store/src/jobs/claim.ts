/** queued → running, and keeping it so. */
import { claim, type ClaimedJob, type ClaimKey, type ClaimOptions } from '@prosemill/core';
import { sql } from 'kysely';
import { withAnswerLimit } from '../postgres-pool.ts';
import { toJob, toTransitionState } from '../rows.ts';
import type { JobRow } from '../schema.ts';
import type { StoreContext } from '../store-context.ts';
import { applyChange } from './apply-change.ts';
import { isClaimable, lockRows, selectJobs } from './select-jobs.ts';

export async function claimJob({ db, dialect }: StoreContext, options: ClaimOptions): Promise<ClaimedJob | null> {
  return await db.transaction().execute(async (tx) => {
    // Statistics from before a burst promise Postgres a handful of queued rows: it would read and sort all of them instead of the first of an index.
    if (dialect.rowLocks) await sql`set local enable_sort = off`.execute(tx);
    const claimable = tx.selectFrom('jobs').selectAll().where(isClaimable(dialect)).limit(1);
    const inOrder = claimable.orderBy('class').orderBy('turn').orderBy('id');
    let row: JobRow | undefined;
    for (let least: number = options.fromClass; row === undefined && least >= 0; least -= 1) {
      row = await lockRows(inOrder.where('class', '>=', least), { dialect, skipLocked: true }).executeTakeFirst();
    }
    if (row === undefined) return null;
    const { name, revision, engine, dtype, fingerprint } = options.model;
    const lease = {
      workerId: options.workerId,
      leaseMs: options.leaseMs,
      model: {
        model_name: name,
        model_revision: revision,
        model_engine: engine,
        model_dtype: dtype,
        model_fingerprint: fingerprint,
      },
    };
    const change = claim(toTransitionState(row));
    if (!(await applyChange({ tx, dialect }, { row, change, actor: 'worker', lease }))) return null;
    const claimed = await selectJobs(tx)
      .select([
        dialect.msUntil('jobs.deadline_at').as('remaining_ms'),
        dialect.msSince('jobs.available_at').as('waited_ms'),
        dialect.msSince('jobs.created_at').as('age_ms'),
      ])
      .where('jobs.id', '=', row.id)
      .executeTakeFirstOrThrow();
    return {
      job: toJob(claimed),
      remainingMs: claimed.remaining_ms,
      waitedMs: claimed.waited_ms,
      ageMs: claimed.age_ms,
    };
  });
}

/** A renewal on a dead connection has failed before the next one is due, which comes at each third of the lease. */
const answersPerLease = 4;
/** Also of the shortest lease: a busy database takes longer than a dead connection is worth. */
const leastAnswerMs = 500;

export async function renewLease({ db, dialect }: StoreContext, { id, attempt }: ClaimKey, leaseMs: number) {
  const update = db
    .updateTable('jobs')
    .set({ lease_until: dialect.nowPlus(leaseMs) })
    .where('id', '=', id)
    .where('attempt', '=', attempt)
    .where('status', '=', 'running')
    .returning('cancel_requested_at');
  const limitMs = Math.max(leastAnswerMs, leaseMs / answersPerLease);
  const row = await withAnswerLimit(limitMs, async () => await update.executeTakeFirst());
  return row === undefined ? null : { cancelRequested: row.cancel_requested_at !== null };
}
