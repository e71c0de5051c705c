/** Finds the jobs of an owner by words and metadata. */
import { isRetryable, parseSearch, type TextFilter } from '@prosemill/core';
import { type RawBuilder, sql } from 'kysely';
import type { StoreContext } from '../store-context.ts';
import { encodeOwner, encodePair, encodePhrase } from './encode-terms.ts';
import { indexWaiting } from './index-jobs.ts';

/** Matches that a search always reads by the index of terms. With more, it looks at the start of the list first. */
const maxFound = 2_000;
/** Jobs that a search indexes before, so that it finds those of a moment ago. */
const indexedFirst = 500;

/** The columns of a table whose rows belong to jobs. */
export interface SearchedColumns {
  readonly id: RawBuilder<unknown>;
  readonly ownerId: RawBuilder<unknown>;
}

/** The condition that a job is its owner's and has the words and the metadata of a filter. */
export interface Found {
  /** The condition for a read of the list in its order. */
  readonly inOrder: RawBuilder<boolean>;
  /** The same condition for a read of all matches by the index of terms, to be sorted. */
  readonly byTerms: RawBuilder<boolean>;
  /** At most `maxFound` jobs match. */
  readonly areFew: boolean;
}

const nothing = sql<boolean>`1 = 0`;
const none: Found = { inOrder: nothing, byTerms: nothing, areFew: true };

/**
 * Null for a filter without search and metadata.
 *
 * The two ways to read have each a case that is slow: a term that few of a million jobs have is found by the index at
 * once, but only after reading all of a long list; a term that every job has is on the first page of the list, but
 * the index would have to sort a million rows.
 */
export async function findJobs(
  context: StoreContext,
  { ownerId, search, metadata = [] }: TextFilter & { readonly ownerId: string },
  columns: SearchedColumns,
): Promise<Found | null> {
  if (search === undefined && metadata.length === 0) return null;
  const words = search === undefined ? [] : parseSearch(search);
  // A search for punctuation finds nothing.
  if (search !== undefined && words.length === 0) return none;
  const { db, dialect } = context;
  try {
    // A job that a reconciler indexes at this moment is to be found too.
    await indexWaiting(context, { limit: indexedFirst, skipLocked: false });
  } catch (error) {
    // A database whose disk is full takes no writes, and still answers: with the jobs that are indexed.
    if (!isRetryable(error)) throw error;
  }
  const wanted = [
    ...words.map(encodePhrase),
    ...metadata.map(([key, value]) => [encodePair(key, value)]),
    [encodeOwner(ownerId)],
  ];
  const { termIndex } = dialect;
  const isFrequent =
    termIndex.judge !== null && (await termIndex.judge(wanted).execute(db)).rows[0]?.isFrequent === true;
  const { rows } = isFrequent
    ? { rows: [] }
    : await sql<{ id: string }>`${termIndex.find(wanted)} limit ${maxFound + 1}`.execute(db);
  if (rows.length === 0 && !isFrequent) return none;
  const areFew = !isFrequent && rows.length <= maxFound;
  const matches = termIndex.matches(wanted);
  const ids = areFew
    ? sql`select id from ${dialect.values({ name: 'found', columns: { id: 'id' }, rows })}`
    : sql`select id from (${termIndex.find(wanted)}) as found`;
  return {
    // With an offset Postgres makes no join of it, for which it would read all of `job_search` to look at a few rows.
    inOrder: sql<boolean>`${columns.ownerId} = ${ownerId} and exists (
      select 1 from job_search where job_search.job_id = ${columns.id} and ${matches} limit 1 offset 0
    )`,
    // The appended text keeps the index of the owner's list out, by which SQLite would read the whole list.
    byTerms: sql<boolean>`${columns.ownerId} || '' = ${ownerId} and ${columns.id} in (${ids})`,
    areFew,
  };
}
