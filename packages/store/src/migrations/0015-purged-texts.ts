/** The other tables with the content of jobs: no samples of it on Postgres, and an index by the job. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Dialect } from '../dialect.ts';
import { forgetSamples } from './forget-samples.ts';

/** A migration of its own: a submit locks jobs and keys, and would deadlock with a transaction that locks both. */
export const createMigration0015 = ({ rowLocks }: Dialect): Migration => ({
  async up(db: Kysely<unknown>) {
    if (rowLocks) {
      await sql`set local lock_timeout = '2s'`.execute(db);
      // The order in which every transaction locks these tables.
      await forgetSamples(db, 'generation_records', ['prompt', 'completion', 'generated_text']);
      await forgetSamples(db, 'job_text', ['text']);
      await sql`alter table idempotency_keys alter column key set statistics 0`.execute(db);
    }
    await sql`create index if not exists idempotency_keys_job on idempotency_keys (job_id)`.execute(db);
  },
});
