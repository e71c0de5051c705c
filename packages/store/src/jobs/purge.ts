/** Purges: the content of ended jobs is removed for good, and tombstones stay. */
import { isTerminal, type JobStore, unstoredMs } from '@prosemill/core';
import { type RawBuilder, sql } from 'kysely';
import type { StoreContext, TransactionContext } from '../store-context.ts';
import { saveTerms } from '../search/index-jobs.ts';
import { lockRows } from './select-jobs.ts';

type PurgeMethods = Pick<JobStore, 'purge' | 'purgeExpiredJobs'>;

export const createPurgeMethods = ({ db, dialect, retentionMs }: StoreContext): PurgeMethods => ({
  async purge(ownerId, id) {
    const receipt = await db.transaction().execute(async (tx) => {
      const select = tx.selectFrom('jobs').selectAll().where('id', '=', id).where('owner_id', '=', ownerId);
      const row = await lockRows(select, { dialect, skipLocked: false }).executeTakeFirst();
      if (row === undefined) return 'unknown';
      if (!isTerminal(row.status)) return 'unfinished';
      const verifications = await tx.selectFrom('jobs').select('finished_at').where('verify_of', '=', id).execute();
      if (verifications.some(({ finished_at: finishedAt }) => finishedAt === null)) return 'verifying';
      await purgeAll({ tx, dialect }, [id]);
      return 'purged';
    });
    if (receipt === 'purged') await dialect.eraseRemoved(db);
    return receipt;
  },

  async purgeExpiredJobs(limit) {
    const conditions = [
      sql<boolean>`is_stored = 0 and finished_at <= ${dialect.ago(unstoredMs)}`,
      ...(retentionMs === null ? [] : [sql<boolean>`finished_at <= ${dialect.ago(retentionMs)}`]),
    ];
    const purged = await db.transaction().execute(async (tx) => {
      const expired: string[] = [];
      for (const condition of conditions) {
        const ids = await lockExpired({ tx, dialect }, condition, limit - expired.length);
        expired.push(...ids.filter((id) => !expired.includes(id)));
      }
      return await purgeAll({ tx, dialect }, expired);
    });
    if (purged.length > 0) await dialect.eraseRemoved(db);
    return purged;
  },
});

/**
 * Locks the rows that have expired first. Skips those that others have locked, and those with a verification that has
 * not ended, whose text would stay.
 */
async function lockExpired(
  { tx, dialect }: TransactionContext,
  condition: RawBuilder<boolean>,
  limit: number,
): Promise<readonly string[]> {
  const select = tx
    .selectFrom('jobs')
    .select('id')
    .where(sql<boolean>`finished_at is not null and purged_at is null and ${condition}`)
    .where(
      sql<boolean>`not exists (
        select 1 from jobs as verification
        where verification.verify_of = jobs.id and verification.finished_at is null
      )`,
    )
    .orderBy('finished_at')
    .limit(limit);
  const rows = await lockRows(select, { dialect, skipLocked: true }).execute();
  return rows.map(({ id }) => id);
}

/**
 * Purges those of these jobs and of their verifications that have ended. A verification has the same text as its job.
 * @returns the ids of these jobs that this call has purged, without those of verifications
 */
async function purgeAll({ tx, dialect }: TransactionContext, ids: readonly string[]): Promise<readonly string[]> {
  if (ids.length === 0) return [];
  const verifications = await tx.selectFrom('jobs').select('id').where('verify_of', 'in', ids).execute();
  const rows = await tx
    .updateTable('jobs')
    .set(({ eb }) => ({
      purged_at: dialect.now,
      version: eb('version', '+', 1),
      prompt: '',
      parameters: '{}',
      metadata: null,
      partial_completion: null,
      error_message: null,
      webhook: null,
    }))
    .where('id', 'in', [...ids, ...verifications.map(({ id }) => id)])
    .where('finished_at', 'is not', null)
    .where('purged_at', 'is', null)
    .returning(['id', 'version'])
    .execute();
  const purged = rows.map(({ id }) => id);
  if (purged.length === 0) return [];
  await tx.deleteFrom('generation_records').where('job_id', 'in', purged).execute();
  await tx.deleteFrom('job_text').where('job_id', 'in', purged).execute();
  await saveTerms(
    { tx, dialect },
    rows.map(({ id, version }) => ({ id, version, terms: '' })),
  );
  await eraseReceivers({ tx, dialect }, purged);
  await freeKeys({ tx, dialect }, purged);
  const isAsked = new Set(ids);
  return purged.filter((id) => isAsked.has(id));
}

/**
 * Erases the URLs of receivers: their paths may be secrets. A message on its way keeps its URL until it has arrived or
 * is given up. Its row is changed too, so that the purge waits for the end of an attempt under way.
 */
async function eraseReceivers({ tx }: TransactionContext, purged: readonly string[]): Promise<void> {
  const deliveries = await tx
    .updateTable('webhook_deliveries')
    .set({ url: sql`case when next_attempt_at is null then '' else url end` })
    .where('job_id', 'in', purged)
    .returning('id')
    .execute();
  if (deliveries.length === 0) return;
  const ids = deliveries.map(({ id }) => id);
  await tx.updateTable('webhook_attempts').set({ location: null }).where('delivery_id', 'in', ids).execute();
}

/** The key of a batch names its first job, and stays until all jobs of the batch are purged. */
async function freeKeys({ tx }: TransactionContext, purged: readonly string[]): Promise<void> {
  const ids = sql.join(purged);
  await sql`
    delete from idempotency_keys where job_id in (
      select id from jobs where id in (${ids}) and batch_id is null
      union all
      select id from jobs as member
      where batch_id in (select batch_id from jobs where id in (${ids}))
        and not exists (select 1 from jobs as kept where kept.batch_id = member.batch_id and kept.purged_at is null)
    )`.execute(tx);
}
