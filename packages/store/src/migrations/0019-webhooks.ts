/** Webhooks: the receivers of jobs, the deliveries with their log, and the secrets that sign them. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Dialect } from '../dialect.ts';
import { columnTypes } from './column-types.ts';
import { ifMissing } from './if-missing.ts';

/** The new column of jobs may be null: processes of older versions go on inserting. */
export const createMigration0019 = ({ name, rowLocks }: Dialect): Migration => ({
  async up(db: Kysely<unknown>) {
    const { time, id, number } = columnTypes[name];
    // All statements about a table queue behind one that waits for its exclusive lock, as it does for a backup.
    if (rowLocks) await sql`set local lock_timeout = '2s'`.execute(db);
    await db.schema.alterTable('jobs').addColumn('webhook', 'text', ifMissing({ rowLocks })).execute();
    // A purge removes it, and the samples of the planner would keep it.
    if (rowLocks) await sql`alter table jobs alter column webhook set statistics 0`.execute(db);
    await db.schema
      .createTable('webhook_deliveries')
      .ifNotExists()
      .addColumn('id', id, (column) => column.primaryKey())
      .addColumn('job_id', id, (column) => column.notNull().references('jobs.id'))
      .addColumn('owner_id', 'text', (column) => column.notNull())
      .addColumn('event', 'text', (column) => column.notNull())
      .addColumn('url', 'text', (column) => column.notNull())
      .addColumn('host', 'text', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('attempts', 'integer', (column) => column.notNull())
      .addColumn('failures', 'integer', (column) => column.notNull())
      .addColumn('created_at', time, (column) => column.notNull())
      .addColumn('next_attempt_at', time)
      .addColumn('delivered_at', time)
      .addCheckConstraint('webhook_deliveries_state', sql`state in ('pending', 'failing', 'delivered', 'failed')`)
      .addCheckConstraint(
        'webhook_deliveries_open',
        sql`(state in ('pending', 'failing')) = (next_attempt_at is not null)`,
      )
      .execute();
    const index = (of: string) =>
      db.schema.createIndex(`webhook_deliveries_${of}`).ifNotExists().on('webhook_deliveries');
    await index('due').column('next_attempt_at').where(sql.ref('next_attempt_at'), 'is not', null).execute();
    await index('job').column('job_id').execute();
    await index('list').columns(['created_at', 'id']).execute();
    await index('state').columns(['state', 'created_at', 'id']).execute();
    await db.schema
      .createTable('webhook_attempts')
      .ifNotExists()
      .addColumn('delivery_id', id, (column) => column.notNull().references('webhook_deliveries.id'))
      .addColumn('attempt', 'integer', (column) => column.notNull())
      .addColumn('at', time, (column) => column.notNull())
      .addColumn('duration_ms', number, (column) => column.notNull())
      .addColumn('error', 'text')
      .addColumn('status_code', 'integer')
      .addColumn('location', 'text')
      .addPrimaryKeyConstraint('webhook_attempts_key', ['delivery_id', 'attempt'])
      .execute();
    await db.schema
      .createTable('webhook_secrets')
      .ifNotExists()
      .addColumn('owner_id', 'text', (column) => column.primaryKey())
      .addColumn('secret', 'text', (column) => column.notNull())
      .addColumn('created_at', time, (column) => column.notNull())
      .addColumn('previous', 'text')
      .execute();
  },
});
