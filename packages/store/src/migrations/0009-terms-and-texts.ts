/** The terms of jobs, the texts of watched jobs while they run, and the measured speed of workers. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Dialect } from '../dialect.ts';
import { columnTypes } from './column-types.ts';
import { ifMissing } from './if-missing.ts';

/** Every new column may be null: processes of older versions go on inserting, and Postgres rewrites no table. */
export const createMigration0009 = ({ name, rowLocks }: Dialect): Migration => ({
  async up(db: Kysely<unknown>) {
    const { time, id } = columnTypes[name];
    // All statements about a table queue behind one that waits for its exclusive lock, as it does for a backup.
    if (rowLocks) await sql`set local lock_timeout = '2s'`.execute(db);
    const columns = {
      metadata: 'text',
      start_deadline_at: time,
      watched_at: time,
      retry_of: id,
      verify_of: id,
      required_fingerprint: 'text',
    } as const;
    const counts = { has_own_seed: 'integer', token_budget: 'integer' } as const;
    for (const [column, type] of Object.entries({ ...columns, ...counts })) {
      await db.schema.alterTable('jobs').addColumn(column, type, ifMissing({ rowLocks })).execute();
    }
    await db.schema.alterTable('workers').addColumn('speed', 'text', ifMissing({ rowLocks })).execute();
    // No foreign key: its locks on the jobs would cost more than the text. The reconciler removes rows without a run.
    const texts = db.schema
      .createTable('job_text')
      .ifNotExists()
      .addColumn('job_id', id, (column) => column.notNull())
      .addColumn('attempt', 'integer', (column) => column.notNull())
      .addColumn('offset', 'integer', (column) => column.notNull())
      .addColumn('text', 'text', (column) => column.notNull())
      .addColumn('tokens', 'integer', (column) => column.notNull())
      .addPrimaryKeyConstraint('job_text_key', ['job_id', 'attempt', 'offset']);
    // SQLite then has one tree of rows by their key, and writes half as much.
    await (name === 'sqlite' ? texts.modifyEnd(sql`without rowid`) : texts).execute();
  },
});
