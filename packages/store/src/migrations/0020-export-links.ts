/** The links to exports. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Dialect } from '../dialect.ts';
import { columnTypes } from './column-types.ts';

export const createMigration0020 = ({ name, rowLocks }: Dialect): Migration => ({
  async up(db: Kysely<unknown>) {
    const { time, id } = columnTypes[name];
    await db.schema
      .createTable('export_links')
      .ifNotExists()
      .addColumn('hash', 'text', (column) => column.primaryKey())
      .addColumn('owner_id', 'text', (column) => column.notNull())
      .addColumn('key_id', id)
      .addColumn('format', 'text', (column) => column.notNull())
      .addColumn('filter', 'text', (column) => column.notNull())
      .addColumn('expires_at', time, (column) => column.notNull())
      .execute();
    // The words of a search would stay in the samples of the planner.
    if (rowLocks) await sql`alter table export_links alter column filter set statistics 0`.execute(db);
  },
});
