/** The pause of the queue: it lasts while the table has a row. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Dialect } from '../dialect.ts';
import { columnTypes } from './column-types.ts';

export const createMigration0005 = ({ name }: Dialect): Migration => ({
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('queue_pause')
      .addColumn('id', 'integer', (column) => column.primaryKey().check(sql`id = 1`))
      .addColumn('paused_at', columnTypes[name].time, (column) => column.notNull())
      .execute();
  },
});
