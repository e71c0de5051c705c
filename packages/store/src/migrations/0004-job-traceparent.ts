/** The trace of a job. */
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

export const createMigration0004 = (): Migration => ({
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('jobs').addColumn('traceparent', 'text').execute();
  },
});
