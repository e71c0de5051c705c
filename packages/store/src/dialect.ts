/**
 * The differences between the two databases: named capabilities, and expressions. Only migrations look at the dialect's
 * name, since their SQL is written for each database.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { StoredTime, Tables } from './schema.ts';
import { postgresTermIndex, sqliteTermIndex, type TermIndex } from './search/term-index.ts';

export interface Dialect {
  readonly name: 'postgres' | 'sqlite';
  /** Rows can be locked (`for update`), and locked rows skipped. SQLite: false, as transactions never overlap. */
  readonly rowLocks: boolean;
  /** A transaction can take a lock on a number. SQLite: false, as transactions never overlap. */
  readonly advisoryLocks: boolean;
  /** A statement can write several tables, by UPDATE and INSERT in its `with`. SQLite: false. */
  readonly writesInWith: boolean;
  /** The tables are in one of several schemas, found by `search_path`. SQLite: false, as a file has one schema. */
  readonly schemas: boolean;
  /** The time of the database's clock, for a time column. */
  readonly now: RawBuilder<StoredTime>;
  /** `now` plus `ms`, which may be negative. */
  nowPlus(ms: number): RawBuilder<StoredTime>;
  /**
   * The time `ms` before the beginning of the transaction. Postgres finds rows by it in an index; it cannot do so by
   * `now`, which may differ for each row.
   */
  ago(ms: number): RawBuilder<StoredTime>;
  /** Milliseconds since 1970 of a time; null for null. */
  toMs(time: RawBuilder<unknown>): RawBuilder<number>;
  /** Converts a Date for a time column. */
  writeTime(time: Date): StoredTime;
  /** Milliseconds from `now` until the time of a column; null when the column is null. */
  msUntil(column: string): RawBuilder<number | null>;
  /** Milliseconds from the time of a column, which is never null, until `now`. */
  msSince(column: string): RawBuilder<number>;
  /** A table of values, for `from`: one parameter for any number of rows. */
  values(table: ValueTable): RawBuilder<unknown>;
  /** Full-text search. */
  readonly termIndex: TermIndex;
  /**
   * Runs statements on one connection whose loss is harmless if this process is lost too. So SQLite does not wait for
   * the disk. Postgres commits them like all others, since it may crash while this process lives.
   */
  lostWithProcess<Result>(db: Kysely<Tables>, run: (db: Kysely<Tables>) => Promise<Result>): Promise<Result>;
  /**
   * Erases deleted content from the files of the database. SQLite overwrites it in its pages, but the journal has
   * copies of them until a checkpoint. Postgres erases it with the next vacuum.
   */
  eraseRemoved(db: Kysely<Tables>): Promise<void>;
}

export interface ValueTable {
  readonly name: string;
  readonly columns: Readonly<Record<string, 'id' | 'integer' | 'text'>>;
  /** Their properties have the names of the columns; others are left out. */
  readonly rows: readonly object[];
}

/**
 * Uses `clock_timestamp()`: `now()` stands still during a transaction, which may have waited for a lock.
 * @param offsetMs  Moves the clock, for tests.
 */
export function postgresDialect(offsetMs: number): Dialect {
  const nowPlus = (ms: number) =>
    sql<StoredTime>`date_trunc('milliseconds', clock_timestamp() + ${ms + offsetMs} * interval '1 millisecond')`;
  const now = nowPlus(0);
  return {
    name: 'postgres',
    rowLocks: true,
    advisoryLocks: true,
    writesInWith: true,
    schemas: true,
    now,
    nowPlus,
    ago: (ms) => sql`(now() + ${offsetMs - ms} * interval '1 millisecond')`,
    toMs: (time) => sql`(extract(epoch from ${time}) * 1000)::double precision`,
    writeTime: (time) => time,
    msUntil: (column) => sql`(extract(epoch from ${sql.ref(column)} - ${now}) * 1000)::bigint`,
    msSince: (column) => sql`(extract(epoch from ${now} - ${sql.ref(column)}) * 1000)::bigint`,
    values(table) {
      const { name, columns } = table;
      const typed = Object.entries(columns).map(
        ([column, type]) => sql`${sql.id(column)} ${sql.raw(type === 'id' ? 'uuid' : type)}`,
      );
      return sql`json_to_recordset(${valuesAsJson(table)}::json) as ${sql.id(name)} (${sql.join(typed)})`;
    },
    termIndex: postgresTermIndex,
    lostWithProcess: async (db, run) => await run(db),
    eraseRemoved: async () => undefined,
  };
}

/** Times are integer milliseconds since 1970. */
export function sqliteDialect(offsetMs: number): Dialect {
  const nowPlus = (ms: number) =>
    sql<StoredTime>`(cast(unixepoch('subsec') * 1000 as integer) + ${Math.round(ms + offsetMs)})`;
  const now = nowPlus(0);
  return {
    name: 'sqlite',
    rowLocks: false,
    advisoryLocks: false,
    writesInWith: false,
    schemas: false,
    now,
    nowPlus,
    ago: (ms) => nowPlus(-ms),
    toMs: (time) => sql`(${time})`,
    writeTime: (time) => time.getTime(),
    msUntil: (column) => sql`(${sql.ref(column)} - ${now})`,
    msSince: (column) => sql`(${now} - ${sql.ref(column)})`,
    values(table) {
      const { name, columns } = table;
      const extracted = Object.keys(columns).map((column) => sql`value ->> ${sql.lit(column)} as ${sql.id(column)}`);
      return sql`(select ${sql.join(extracted)} from json_each(${valuesAsJson(table)})) as ${sql.id(name)}`;
    },
    termIndex: sqliteTermIndex,
    async lostWithProcess(db, run) {
      return await db.connection().execute(async (connection) => {
        await sql`pragma synchronous = normal`.execute(connection);
        try {
          return await run(connection);
        } finally {
          await sql`pragma synchronous = full`.execute(connection);
        }
      });
    },
    async eraseRemoved(db) {
      await sql`pragma wal_checkpoint(truncate)`.execute(db);
    },
  };
}

const valuesAsJson = ({ columns, rows }: ValueTable): string => JSON.stringify(rows, Object.keys(columns));
