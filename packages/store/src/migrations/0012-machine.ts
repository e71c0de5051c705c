/** The activity of workers while somebody looks at them, and the index of the jobs that ended last. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Dialect } from '../dialect.ts';
import { columnTypes } from './column-types.ts';
import { ifMissing } from './if-missing.ts';

/** The new columns may be null: processes of older versions go on reporting. */
export const createMigration0012 = ({ name, rowLocks }: Dialect): Migration => ({
  async up(db: Kysely<unknown>) {
    // All statements about a table queue behind one that waits for its lock, as it does for a backup.
    if (rowLocks) await sql`set local lock_timeout = '2s'`.execute(db);
    await db.schema
      .alterTable('workers')
      .addColumn('looked_at', columnTypes[name].time, ifMissing({ rowLocks }))
      .execute();
    await db.schema.alterTable('workers').addColumn('activity', 'text', ifMissing({ rowLocks })).execute();
    // Without the jobs that have not ended, a submit and a claim need not write to it. With too many rows for the time
    // limit of a migration, the operator may have built it before, concurrently.
    await sql`create index if not exists jobs_finished on jobs (finished_at) where finished_at is not null`.execute(db);
  },
});
