/** The differences of full-text search: FTS5 on SQLite, a tsvector with a GIN index on Postgres. */
import { type RawBuilder, sql } from 'kysely';

/** A list of phrases of encoded terms, all of which a job must have. */
export type EncodedSearch = readonly (readonly string[])[];

export interface TermIndex {
  /** The terms of a job, by position, as the text that `column` converts. */
  write(terms: readonly (string | null)[]): string;
  /** The value of the column `terms` from such a text. */
  column(text: RawBuilder<unknown>): RawBuilder<unknown>;
  /** Selects the jobs of a search by the index, as `id`. */
  find(search: EncodedSearch): RawBuilder<unknown>;
  /**
   * Selects, as `isFrequent`, whether a fifth of all jobs or more match, by a sample of them. Null for an index that
   * gives its first matches without all others.
   */
  readonly judge: ((search: EncodedSearch) => RawBuilder<{ isFrequent: boolean }>) | null;
  /** The condition of a search on a row of `job_search` that is found in another way. */
  matches(search: EncodedSearch): RawBuilder<boolean>;
}

/** So few that their terms are read in milliseconds, though each has its own place on the disk. */
const sampledJobs = 500;

/** Terms are digits and letters, so they need no quoting. GIN collects all matches before the first. */
export const postgresTermIndex: TermIndex = {
  write(terms) {
    const positions = new Map<string, number[]>();
    for (const [index, term] of terms.entries()) {
      if (term !== null) positions.set(term, [...(positions.get(term) ?? []), index + 1]);
    }
    return [...positions].map(([term, places]) => `${term}:${places.join(',')}`).join(' ');
  },
  column: (text) => sql`cast(${text} as tsvector)`,
  // Planned without the limit of the statement: with it Postgres would read the whole table for words that it takes for
  // independent, such as a frequent word of one owner and the jobs of another, or two frequent words that never meet.
  find: (search) => sql`
    with matches as materialized (
      select job_id as id from job_search where terms @@ cast(${tsquery(search)} as tsquery)
    )
    select id from matches`,
  judge: (search) => sql`
    select count(*) filter (where terms @@ cast(${tsquery(search)} as tsquery)) >= ${sampledJobs / 5} as "isFrequent"
    from (
      select terms from job_search tablesample system ((
        select 100 * least(1, ${sampledJobs} / greatest(reltuples, 1)) from pg_class where oid = 'job_search'::regclass
      )) limit ${2 * sampledJobs}
    ) as sampled`,
  matches: (search) => sql<boolean>`terms @@ cast(${tsquery(search)} as tsquery)`,
};

const tsquery = (search: EncodedSearch): string => search.map((phrase) => `(${phrase.join(' <-> ')})`).join(' & ');

/** Keeps the place of a word that has none. Terms are shorter. */
const noTerm = 'z'.repeat(12);

export const sqliteTermIndex: TermIndex = {
  write: (terms) => terms.map((term) => term ?? noTerm).join(' '),
  column: (text) => text,
  // A join and no `in`, which would collect all matches before the first.
  find: (search) => sql`
    select job_id as id from job_search_index join job_search on job_search.id = job_search_index.rowid
    where job_search_index match ${search.map((phrase) => `"${phrase.join(' ')}"`).join(' AND ')}`,
  judge: null,
  matches: (search) =>
    sql<boolean>`${sql.join(
      search.map((phrase) => sql`instr(' ' || terms || ' ', ${` ${phrase.join(' ')} `}) > 0`),
      sql` and `,
    )}`,
};
