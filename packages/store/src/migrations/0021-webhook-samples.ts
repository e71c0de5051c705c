/** No samples of the URLs of receivers on Postgres: a purge erases these URLs. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Dialect } from '../dialect.ts';
import { forgetSamples } from './forget-samples.ts';

export const createMigration0021 = ({ rowLocks }: Dialect): Migration => ({
  async up(db: Kysely<unknown>) {
    if (!rowLocks) return;
    await sql`set local lock_timeout = '2s'`.execute(db);
    await forgetSamples(db, 'webhook_deliveries', ['url']);
    await forgetSamples(db, 'webhook_attempts', ['location']);
  },
});
