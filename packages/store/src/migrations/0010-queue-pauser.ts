/** The sender of the request that paused the queue. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Dialect } from '../dialect.ts';
import { ifMissing } from './if-missing.ts';

/** The column may be null: processes of older versions go on pausing the queue. */
export const createMigration0010 = ({ rowLocks }: Dialect): Migration => ({
  async up(db: Kysely<unknown>) {
    // Every claim reads the table, and queues behind a statement that waits for its exclusive lock.
    if (rowLocks) await sql`set local lock_timeout = '2s'`.execute(db);
    await db.schema.alterTable('queue_pause').addColumn('paused_by', 'text', ifMissing({ rowLocks })).execute();
  },
});
