/** Who may use the service. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Dialect } from '../dialect.ts';

export const createMigration0003 = ({ name }: Dialect): Migration => ({
  async up(db: Kysely<unknown>) {
    const time = name === 'postgres' ? sql`timestamptz(3)` : 'integer';
    await db.schema
      .createTable('api_keys')
      .addColumn('id', name === 'postgres' ? 'uuid' : 'text', (column) => column.primaryKey())
      .addColumn('owner_id', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('hash', 'text', (column) => column.notNull().unique())
      .addColumn('prefix', 'text', (column) => column.notNull())
      .addColumn('scopes', 'text', (column) => column.notNull())
      .addColumn('created_at', time, (column) => column.notNull())
      .addColumn('expires_at', time)
      .addColumn('revoked_at', time)
      .addColumn('last_used_at', time)
      .execute();
    await db.schema.createIndex('api_keys_list').on('api_keys').columns(['created_at', 'id']).execute();
  },
});
