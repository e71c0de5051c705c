/** Counts of what no row of a job tells, such as refused submits, for the last hour. */
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

export const createMigration0013 = (): Migration => ({
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('tallies')
      .ifNotExists()
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('bucket', 'integer', (column) => column.notNull())
      .addColumn('slot', 'integer', (column) => column.notNull())
      .addColumn('period', 'bigint', (column) => column.notNull())
      .addColumn('count', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('tallies_key', ['name', 'bucket', 'slot'])
      .execute();
  },
});
