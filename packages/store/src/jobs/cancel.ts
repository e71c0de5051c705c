/** Cancel requests: queued → canceled at once; a running job is marked for its worker. */
import { cancelQueued, type JobStore } from '@prosemill/core';
import { toJob } from '../rows.ts';
import type { JobRow } from '../schema.ts';
import type { StoreContext, TransactionContext } from '../store-context.ts';
import { addEvents, applyChange } from './apply-change.ts';
import { lockRows, selectJobs } from './select-jobs.ts';

export const createCancelMethods = ({ db, dialect, retentionMs }: StoreContext): Pick<JobStore, 'requestCancel'> => ({
  async requestCancel(ownerId, id) {
    return await db.transaction().execute(async (tx) => {
      const select = tx.selectFrom('jobs').selectAll().where('id', '=', id).where('owner_id', '=', ownerId);
      const row = await lockRows(select, { dialect, skipLocked: false }).executeTakeFirst();
      if (row === undefined) return null;
      await cancelRow({ tx, dialect }, row);
      return toJob(await selectJobs(tx).where('jobs.id', '=', id).executeTakeFirstOrThrow(), { retentionMs });
    });
  },
});

/** Cancels or marks the job of a locked row. @returns false when there was nothing to do */
export async function cancelRow({ tx, dialect }: TransactionContext, row: JobRow): Promise<boolean> {
  if (row.status === 'queued') {
    return (await applyChange({ db: tx, dialect }, { row, change: cancelQueued(), actor: 'api' })) !== undefined;
  }
  if (row.status !== 'running' || row.cancel_requested_at !== null) return false;
  const version = row.version + 1;
  await tx.updateTable('jobs').set({ version, cancel_requested_at: dialect.now }).where('id', '=', row.id).execute();
  const event = { job_id: row.id, seq: version, attempt: row.attempt, actor: 'api' } as const;
  await addEvents({ tx, dialect }, [{ ...event, type: 'job-cancel-requested' }]);
  return true;
}
