/** API keys. */
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Dialect } from '../dialect.ts';
import { columnTypes } from './column-types.ts';

export const createMigration0003 = ({ name }: Dialect): Migration => ({
  async up(db: Kysely<unknown>) {
    const { id, time } = columnTypes[name];
    await db.schema
      .createTable('api_keys')
      .addColumn('id', id, (column) => column.primaryKey())
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
