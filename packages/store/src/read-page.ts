/** Keyset pagination, newest first: rows that are added between two pages shift nothing. */
import type { Cursor, Page } from '@prosemill/core';
import { type SelectQueryBuilder, type Simplify, sql } from 'kysely';
import type { Dialect } from './dialect.ts';
import type { Tables } from './schema.ts';

export interface PagePlace {
  readonly dialect: Dialect;
  /** The table of `created_at` and `id`. */
  readonly table: keyof Tables;
  /** The last item of the page before; null: the first page. */
  readonly after: Cursor<string | number> | null;
  readonly limit: number;
}

export interface PageOptions<Row, Item> extends PagePlace {
  readonly toItem: (row: Simplify<Row>) => Item;
}

export async function readPage<Table extends keyof Tables, Row, Item>(
  query: SelectQueryBuilder<Tables, Table, Row>,
  { toItem, ...place }: PageOptions<Row, Item>,
): Promise<Page<Item>> {
  const rows = await selectPage(query, place).execute();
  return { items: rows.slice(0, place.limit).map(toItem), hasMore: rows.length > place.limit };
}

/** The rows of a page, and one more if there is one. */
export function selectPage<Table extends keyof Tables, Row>(
  query: SelectQueryBuilder<Tables, Table, Row>,
  { dialect, table, after, limit }: PagePlace,
): SelectQueryBuilder<Tables, Table, Row> {
  const [createdAt, id] = [sql.ref(`${table}.created_at`), sql.ref(`${table}.id`)];
  const older =
    after === null
      ? query
      : query.where(sql<boolean>`(${createdAt}, ${id}) < (${dialect.writeTime(after.createdAt)}, ${after.id})`);
  return older
    .orderBy(createdAt, 'desc')
    .orderBy(id, 'desc')
    .limit(limit + 1);
}
