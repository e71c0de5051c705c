/** Attempts that wait for an engine of their own. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Dialect } from '../dialect.ts';
import { ifMissing } from './if-missing.ts';

/** The column may be null: processes of older versions go on inserting. */
export const createMigration0022 = ({ rowLocks }: Dialect): Migration => ({
  async up(db: Kysely<unknown>) {
    // All statements about a table queue behind one that waits for its exclusive lock, as it does for a backup.
    if (rowLocks) await sql`set local lock_timeout = '2s'`.execute(db);
    await db.schema.alterTable('jobs').addColumn('is_waiting', 'smallint', ifMissing({ rowLocks })).execute();
  },
});
