/** Batches, and the batch of a job. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Dialect } from '../dialect.ts';
import { columnTypes } from './column-types.ts';
import { ifMissing } from './if-missing.ts';

/** The new columns of jobs may be null: processes of older versions go on inserting. */
export const createMigration0018 = ({ name, rowLocks }: Dialect): Migration => ({
  async up(db: Kysely<unknown>) {
    const { time, id } = columnTypes[name];
    // All statements about a table queue behind one that waits for its exclusive lock, as it does for a backup.
    if (rowLocks) await sql`set local lock_timeout = '2s'`.execute(db);
    await db.schema.alterTable('jobs').addColumn('batch_id', id, ifMissing({ rowLocks })).execute();
    await db.schema.alterTable('jobs').addColumn('custom_id', 'text', ifMissing({ rowLocks })).execute();
    await db.schema
      .createTable('batches')
      .ifNotExists()
      .addColumn('id', id, (column) => column.primaryKey())
      .addColumn('owner_id', 'text', (column) => column.notNull())
      .addColumn('created_at', time, (column) => column.notNull())
      .execute();
    // Most jobs have no batch. An operator may have built it before, concurrently.
    await db.schema
      .createIndex('jobs_batch')
      .ifNotExists()
      .on('jobs')
      .columns(['batch_id', 'created_at', 'id'])
      .where(sql.ref('batch_id'), 'is not', null)
      .execute();
  },
});
