/** What the reconciler changes: leases that ran out, deadlines that passed. Several may run at once. */
import { type Change, expire, rescue } from '@prosemill/core';
import { type RawBuilder, sql } from 'kysely';
import { toTransitionState } from '../rows.ts';
import type { JobRow } from '../schema.ts';
import type { StoreContext } from '../store-context.ts';
import { applyChange } from './apply-change.ts';
import { lockRows } from './select-jobs.ts';

export const rescueLostJobs = async (context: StoreContext, limit: number): Promise<readonly string[]> =>
  await changeAll(context, {
    limit,
    where: sql<boolean>`status = 'running' and lease_until < ${context.dialect.now}`,
    changeOf: (row) => rescue(toTransitionState(row)),
  });

export const expireJobs = async (context: StoreContext, limit: number): Promise<readonly string[]> =>
  await changeAll(context, {
    limit,
    where: sql<boolean>`status = 'queued' and deadline_at <= ${context.dialect.now}`,
    changeOf: expire,
  });

interface BatchChange {
  readonly limit: number;
  /** Holds under the row's lock, where a renewal that came first has already been seen. */
  readonly where: RawBuilder<boolean>;
  readonly changeOf: (row: JobRow) => Change;
}

/** Rows that others hold are left to them. */
async function changeAll(
  { db, dialect }: StoreContext,
  { limit, where, changeOf }: BatchChange,
): Promise<readonly string[]> {
  return await db.transaction().execute(async (tx) => {
    const select = tx.selectFrom('jobs').selectAll().where(where).limit(limit);
    const rows = await lockRows(select, { dialect, skipLocked: true }).execute();
    const changed: string[] = [];
    for (const row of rows) {
      if (await applyChange({ tx, dialect }, { row, change: changeOf(row), actor: 'reconciler' })) changed.push(row.id);
    }
    return changed;
  });
}
