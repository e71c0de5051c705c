/** Idempotency keys and the jobs that they hold. */
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Dialect } from '../dialect.ts';
import { columnTypes } from './column-types.ts';

export const createMigration0002 = ({ name }: Dialect): Migration => ({
  async up(db: Kysely<unknown>) {
    const { id, time } = columnTypes[name];
    await db.schema
      .createTable('idempotency_keys')
      .addColumn('owner_id', 'text', (column) => column.notNull())
      .addColumn('key', 'text', (column) => column.notNull())
      .addColumn('request_hash', 'text', (column) => column.notNull())
      .addColumn('job_id', id, (column) => column.notNull().references('jobs.id'))
      .addColumn('created_at', time, (column) => column.notNull())
      .addPrimaryKeyConstraint('idempotency_keys_key', ['owner_id', 'key'])
      .execute();
    await db.schema.createIndex('idempotency_keys_age').on('idempotency_keys').column('created_at').execute();
  },
});
