/** The indexes of lists of jobs by status, and by the job that they repeat. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Dialect } from '../dialect.ts';

/**
 * A migration of its own: claims lock the jobs and the pause, and would deadlock with a transaction that locks both. On
 * Postgres nobody writes jobs while the indexes are built. An operator may build them before, `concurrently`.
 */
export const createMigration0011 = ({ rowLocks }: Dialect): Migration => ({
  async up(db: Kysely<unknown>) {
    if (rowLocks) await sql`set local lock_timeout = '2s'`.execute(db);
    const index = (name: string) => db.schema.createIndex(name).ifNotExists().on('jobs');
    await index('jobs_owner_status_list').columns(['owner_id', 'status', 'created_at', 'id']).execute();
    // Few jobs are repetitions.
    await index('jobs_retries')
      .columns(['owner_id', 'retry_of', 'created_at', 'id'])
      .where(sql.ref('retry_of'), 'is not', null)
      .execute();
  },
});
