/** Finds the jobs of an owner by words and metadata. */
import { parseSearch, type TextFilter } from '@prosemill/core';
import { type RawBuilder, sql } from 'kysely';
import type { StoreContext } from '../store-context.ts';
import { encodeOwner, encodePair, encodePhrase } from './encode-terms.ts';
import { indexWaiting } from './index-jobs.ts';

/** Rows that a search reads by the index. With more, pages of the list are read until they have enough matches. */
const maxFound = 2_000;
/** Jobs that a search indexes before, so that it finds those of a moment ago. */
const indexedFirst = 500;

/**
 * The condition of a search on the id of a job in a column. Null for a search without conditions.
 *
 * The two ways to read have each a case that is slow: a term that few of a million jobs have is found by the index at
 * once, but only after reading all of a long list; a term that every job has is on the first page of the list, but
 * the index would have to sort a million rows.
 */
export async function foundBy(
  context: StoreContext,
  { ownerId, search, metadata = [] }: TextFilter & { readonly ownerId: string },
  idColumn: string,
): Promise<RawBuilder<boolean> | null> {
  if (search === undefined && metadata.length === 0) return null;
  const words = search === undefined ? [] : parseSearch(search);
  // A search for punctuation finds nothing.
  if (search !== undefined && words.length === 0) return sql<boolean>`1 = 0`;
  const { db, dialect } = context;
  await indexWaiting(context, indexedFirst);
  const wanted = [
    ...words.map(encodePhrase),
    ...metadata.map(([key, value]) => [encodePair(key, value)]),
    [encodeOwner(ownerId)],
  ];
  const { termIndex } = dialect;
  const { rows } = await sql<{ id: string }>`${termIndex.find(wanted)} limit ${maxFound + 1}`.execute(db);
  const id = sql.ref(idColumn);
  if (rows.length > maxFound) {
    return sql<boolean>`exists (select 1 from job_search where job_search.job_id = ${id} and ${termIndex.matches(wanted)})`;
  }
  return sql<boolean>`${id} in (select id from ${dialect.values({ name: 'found', columns: { id: 'id' }, rows })})`;
}
