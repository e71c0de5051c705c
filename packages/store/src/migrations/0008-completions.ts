/** The completions of texts that older versions have written. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Dialect } from '../dialect.ts';

/** Rows in one statement, which ends long before the time limit of a migration. */
const batch = 50_000;

/**
 * A migration of its own, because 0007 holds table locks until it ends and this one takes longer. On Postgres it
 * locks only rows that no process changes, so that the service goes on meanwhile.
 */
export const createMigration0008 = ({ name }: Dialect): Migration => ({
  async up(db: Kysely<unknown>) {
    if (name === 'postgres') return await fillCompletions(db);
    await sql`update generation_records set completion = substr(completion, length(prompt) + 1)`.execute(db);
  },
});

async function fillCompletions(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{ last: number | null }>`select max(id) as last from generation_records`.execute(db);
  const last = rows[0]?.last ?? 0;
  for (let after = 0; after < last; after += batch) {
    // Rows that an operator has filled before are skipped.
    await sql`
      update generation_records set completion = substr(generated_text, length(prompt) + 1)
        where id > ${after} and id <= ${after + batch} and completion is null`.execute(db);
  }
}
