/** The reconciler's work: lost leases, passed deadlines, missing hints. Several reconcilers may run at once. */
import { type Change, expire, type JobStore, rescue } from '@prosemill/core';
import { type RawBuilder, sql } from 'kysely';
import { toTransitionState } from '../rows.ts';
import type { JobRow } from '../schema.ts';
import { indexWaiting } from '../search/index-jobs.ts';
import type { StoreContext } from '../store-context.ts';
import { applyChange } from './apply-change.ts';
import { isClaimable, isInTime, lockRows } from './select-jobs.ts';

type ReconcileMethods = Pick<
  JobStore,
  'rescueLostJobs' | 'expireJobs' | 'indexForSearch' | 'countClaimable' | 'listClaimable'
>;

export const createReconcileMethods = (context: StoreContext): ReconcileMethods => ({
  async rescueLostJobs(limit) {
    return await changeAll(context, {
      limit,
      where: sql<boolean>`status = 'running' and lease_until < ${context.dialect.now}`,
      changeOf: (row) => rescue(toTransitionState(row)),
    });
  },

  async expireJobs(limit) {
    return await changeAll(context, {
      limit,
      where: sql<boolean>`status = 'queued' and not (${isInTime(context.dialect)})`,
      changeOf: expire,
    });
  },

  async indexForSearch(limit) {
    return await indexWaiting(context, { limit, skipLocked: true });
  },

  async countClaimable(fingerprint) {
    const row = await context.db
      .selectFrom('jobs')
      .select((builder) => builder.fn.countAll<number>().as('count'))
      .where(isClaimable(context.dialect, fingerprint))
      .executeTakeFirstOrThrow();
    return row.count;
  },

  async listClaimable({ fingerprint, after, limit }) {
    const claimable = context.db
      .selectFrom('jobs')
      .select(['id', 'dispatch_epoch as epoch'])
      .where(isClaimable(context.dialect, fingerprint));
    const rest = after === null ? claimable : claimable.where('id', '>', after);
    return await rest.orderBy('id').limit(limit).execute();
  },
});

interface BatchChange {
  readonly limit: number;
  /** Checked under the row's lock, so a renewal that came first is seen. */
  readonly where: RawBuilder<boolean>;
  readonly changeOf: (row: JobRow) => Change;
}

/** Skips rows that others have locked. */
async function changeAll(
  { db, dialect }: StoreContext,
  { limit, where, changeOf }: BatchChange,
): Promise<readonly string[]> {
  return await db.transaction().execute(async (tx) => {
    const select = tx.selectFrom('jobs').selectAll().where(where).limit(limit);
    const rows = await lockRows(select, { dialect, skipLocked: true }).execute();
    const changed: string[] = [];
    for (const row of rows) {
      const updated = await applyChange({ db: tx, dialect }, { row, change: changeOf(row), actor: 'reconciler' });
      if (updated !== undefined) changed.push(row.id);
    }
    return changed;
  });
}
