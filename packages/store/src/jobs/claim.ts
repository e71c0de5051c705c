/** Claims: queued → running, and the renewals of their leases. */
import { claim, type ClaimedJob, type ClaimOptions, type JobStore } from '@prosemill/core';
import { withAnswerLimit } from '../answer-limit.ts';
import { toJob, toTransitionState } from '../rows.ts';
import type { JobRow } from '../schema.ts';
import type { JobStoreContext, StoreContext, TransactionContext } from '../store-context.ts';
import { applyChange } from './apply-change.ts';
import { isClaimable, lockRows } from './select-jobs.ts';

/** A renewal fails after a quarter of its lease: on a dead connection, before the next one is due after a third. */
const answersPerLease = 4;
/** The least time limit of a renewal: a shorter one would take a busy database for a dead connection. */
const leastAnswerMs = 500;

type ClaimMethods = Pick<JobStore, 'claim' | 'renew' | 'setWaiting'>;

export const createClaimMethods = ({ db, claimDb, dialect, retentionMs }: JobStoreContext): ClaimMethods => ({
  async claim(options) {
    // A job whose claim is lost with its process is still queued.
    return await dialect.lostWithProcess(claimDb, async (connection) =>
      connection.transaction().execute(async (tx) => await claimFirst({ tx, dialect, retentionMs }, options)),
    );
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

async function claimFirst(
  { tx, dialect, retentionMs }: TransactionContext & Pick<StoreContext, 'retentionMs'>,
  { fromClass, workerId, leaseMs, model }: ClaimOptions,
): Promise<ClaimedJob | null> {
  const first = await lockFirst({ tx, dialect }, { fromClass, model });
  if (first === undefined) return null;
  const { remainingMs, waitedMs, ageMs, ...row } = first;
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
  const claimed = await applyChange({ db: tx, dialect }, { row, change, actor: 'worker', lease });
  if (claimed === undefined) return null;
  // Only a job that has succeeded has a generation record.
  const job = toJob({ ...claimed, generation_id: null, completion: null }, { retentionMs });
  return { job, remainingMs, waitedMs, ageMs };
}

type ClaimableRow = JobRow & Pick<ClaimedJob, 'remainingMs' | 'waitedMs' | 'ageMs'>;

/** Locks the row that the next claim takes. */
async function lockFirst(
  { tx, dialect }: TransactionContext,
  { fromClass, model }: Pick<ClaimOptions, 'fromClass' | 'model'>,
): Promise<ClaimableRow | undefined> {
  const claimable = tx
    .selectFrom('jobs')
    .selectAll()
    .select([
      dialect.msUntil('deadline_at').as('remainingMs'),
      dialect.msSince('available_at').as('waitedMs'),
      dialect.msSince('created_at').as('ageMs'),
    ])
    .where(isClaimable(dialect, model.fingerprint))
    .limit(1);
  const inOrder = claimable.orderBy('class').orderBy('turn').orderBy('id');
  for (let least: number = fromClass; least >= 0; least -= 1) {
    const first = lockRows(inOrder.where('class', '>=', least), { dialect, skipLocked: true });
    const row = await first.executeTakeFirst();
    if (row !== undefined) return row;
  }
  return undefined;
}
