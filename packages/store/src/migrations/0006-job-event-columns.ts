/** The attempt and the actor of an event as columns. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Dialect } from '../dialect.ts';

/**
 * The database computes the columns from `data`, so that rows of older processes, which may still run, have them too.
 * Postgres stores the columns and rewrites the table once; SQLite can add only virtual ones.
 */
export const createMigration0006 = ({ name }: Dialect): Migration => ({
  async up(db: Kysely<unknown>) {
    for (const statement of statements[name]) await sql.raw(statement).execute(db);
  },
});

const statements: Readonly<Record<Dialect['name'], readonly string[]>> = {
  postgres: [
    // While `alter table` waits for its exclusive lock, such as behind a long backup, all other statements on the table
    // queue behind it.
    `set local lock_timeout = '2s'`,
    // A single statement, so that the table is rewritten once. With too many rows for the time limit of a migration,
    // the operator may have run it before.
    `alter table job_events
      add column if not exists attempt integer generated always as ((data::jsonb ->> 'attempt')::integer) stored,
      add column if not exists actor text generated always as (data::jsonb ->> 'actor') stored`,
  ],
  sqlite: [
    `alter table job_events add column attempt integer generated always as (json_extract(data, '$.attempt')) virtual`,
    `alter table job_events add column actor text generated always as (json_extract(data, '$.actor')) virtual`,
  ],
};
