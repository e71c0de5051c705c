/** Columns without samples of their values in the statistics of Postgres. */
import { type Kysely, sql } from 'kysely';

/**
 * Postgres keeps samples of values for its planner, also of rows that are deleted. No query has a condition on a text.
 * Setting the type of a column, to the same one, drops the samples that are there and rewrites no row.
 */
export async function forgetSamples(db: Kysely<unknown>, table: string, columns: readonly string[]): Promise<void> {
  for (const column of columns) {
    const alter = sql`alter table ${sql.table(table)} alter column ${sql.ref(column)}`;
    await sql`${alter} type text`.execute(db);
    await sql`${alter} set statistics 0`.execute(db);
  }
}
