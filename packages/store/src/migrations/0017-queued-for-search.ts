/** Queues the jobs of older versions for the index of the search. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * Reconcilers index them afterwards, in batches. A migration of its own, because 0016 holds table locks until it ends
 * and this one takes longer.
 */
export const createMigration0017 = (): Migration => ({
  async up(db: Kysely<unknown>) {
    await sql`
      insert into search_queue (job_id)
      select id from jobs where verify_of is null and purged_at is null order by created_at`.execute(db);
  },
});
