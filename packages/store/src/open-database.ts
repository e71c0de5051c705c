/** Connections: a pool to Postgres, or one SQLite file that belongs to this process. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import type { ConnectionCounts, Logger } from '@prosemill/core';
import { Kysely, SqliteDialect } from 'kysely';
import { parseDatabaseUrl } from './database-url.ts';
import { type Dialect, postgresDialect, sqliteDialect } from './dialect.ts';
import { pooledPostgres } from './postgres-dialect.ts';
import { createPostgresPool } from './postgres-pool.ts';
import type { Tables } from './schema.ts';

export interface OpenOptions {
  readonly url: string;
  readonly logger: Logger;
  readonly clockOffsetMs: number;
}

export interface OpenDatabase {
  readonly db: Kysely<Tables>;
  /** The same database, with time for what takes longer. */
  readonly migrationDb: Kysely<Tables>;
  readonly dialect: Dialect;
  /** Of `db`; null for a file. */
  connections(): ConnectionCounts | null;
  /** Bounded: a statement that hangs is cut. Idempotent. */
  close(): Promise<void>;
}

/** A statement that takes longer than this is stuck; the row locks of a claim take microseconds. */
const statementTimeoutMs = 10_000;
/** An index of a big table, and the wait for another process that builds it. */
const migrationTimeoutMs = 30_000;
/** How long a start waits for a process that is just ending. */
const sqliteBusyMs = 1_000;

/** Postgres is not contacted yet. @throws {ConfigError} for a bad URL; an Error in one line for an SQLite file that is in use */
export function openDatabase({ url, logger, clockOffsetMs }: OpenOptions): OpenDatabase {
  const location = parseDatabaseUrl(url);
  if (location.type === 'sqlite') return openSqlite(location.path, sqliteDialect(clockOffsetMs));
  const open = (limitMs: number) => {
    const pool = createPostgresPool({ url: location.url, logger, statementTimeoutMs: limitMs });
    return { pool, db: new Kysely<Tables>({ dialect: pooledPostgres({ pool, statementTimeoutMs: limitMs }) }) };
  };
  const [{ db, pool }, { db: migrationDb }] = [open(statementTimeoutMs), open(migrationTimeoutMs)];
  return {
    db,
    migrationDb,
    dialect: postgresDialect(clockOffsetMs),
    connections: () => pool.counts(),
    async close() {
      await Promise.all([db.destroy(), migrationDb.destroy()]);
    },
  };
}

function openSqlite(path: string, dialect: Dialect): OpenDatabase {
  mkdirSync(dirname(path), { recursive: true });
  const database = new Database(path, { timeout: sqliteBusyMs });
  try {
    // Exclusive before WAL: the file is this process's, and needs no shared memory.
    database.pragma('locking_mode = EXCLUSIVE');
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.pragma('foreign_keys = ON');
    database.exec('begin exclusive; commit');
  } catch (error) {
    database.close();
    if (!(error instanceof Error) || !('code' in error) || !String(error.code).startsWith('SQLITE_BUSY')) throw error;
    throw new Error(
      `The database file ${path} is in use by another Prosemill process. Stop that one first, or set DATABASE_URL to another file or to Postgres.`,
      { cause: error },
    );
  }
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) });
  return {
    db,
    migrationDb: db,
    dialect,
    connections: () => null,
    async close() {
      await db.destroy();
      // Kysely knows nothing of a file that it was never asked about.
      database.close();
    },
  };
}
