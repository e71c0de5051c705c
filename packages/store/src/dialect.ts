/** What differs between the two databases, as flags and expressions: nowhere else is asked which one it is. */
import { type RawBuilder, sql } from 'kysely';
import type { StoredTime } from './schema.ts';

export interface Dialect {
  readonly name: 'postgres' | 'sqlite';
  /** Rows can be claimed with `for update skip locked`. SQLite: false, its single writer serialises claims. */
  readonly rowLocks: boolean;
  /** The database's clock, as a value of a time column. */
  readonly now: RawBuilder<StoredTime>;
  /** `now` plus this many milliseconds; negative goes back. */
  nowPlus(ms: number): RawBuilder<StoredTime>;
  /** A Date as a value of a time column. */
  writeTime(time: Date): StoredTime;
  /** Milliseconds from `now` until a time column; null stays null. */
  msUntil(column: string): RawBuilder<number | null>;
  /** Milliseconds from a time column that is never null until `now`. */
  msSince(column: string): RawBuilder<number>;
}

/**
 * Postgres. `clock_timestamp()` and not `now()`, which stands still in a transaction that has waited for a lock.
 * @param offsetMs  Moves the clock, for tests.
 */
export function postgresDialect(offsetMs: number): Dialect {
  const nowPlus = (ms: number) =>
    sql<StoredTime>`date_trunc('milliseconds', clock_timestamp() + ${ms + offsetMs} * interval '1 millisecond')`;
  const now = nowPlus(0);
  return {
    name: 'postgres',
    rowLocks: true,
    now,
    nowPlus,
    writeTime: (time) => time,
    msUntil: (column) => sql`(extract(epoch from ${sql.ref(column)} - ${now}) * 1000)::bigint`,
    msSince: (column) => sql`(extract(epoch from ${now} - ${sql.ref(column)}) * 1000)::bigint`,
  };
}

/** SQLite: integer milliseconds since 1970. */
export function sqliteDialect(offsetMs: number): Dialect {
  const nowPlus = (ms: number) =>
    sql<StoredTime>`(cast(unixepoch('subsec') * 1000 as integer) + ${Math.round(ms + offsetMs)})`;
  const now = nowPlus(0);
  return {
    name: 'sqlite',
    rowLocks: false,
    now,
    nowPlus,
    writeTime: (time) => time.getTime(),
    msUntil: (column) => sql`(${sql.ref(column)} - ${now})`,
    msSince: (column) => sql`(${now} - ${sql.ref(column)})`,
  };
}
