/** Connections: a pool to Postgres, or one SQLite file that belongs to this process. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { errorLine, type Logger } from '@prosemill/core';
import { Kysely, PostgresDialect, SqliteDialect } from 'kysely';
import { Pool, types } from 'pg';
import { parseDatabaseUrl } from './database-url.ts';
import { type Dialect, postgresDialect, sqliteDialect } from './dialect.ts';
import type { Tables } from './schema.ts';

export interface OpenOptions {
  readonly url: string;
  readonly logger: Logger;
  readonly clockOffsetMs: number;
}

export interface OpenDatabase {
  readonly db: Kysely<Tables>;
  readonly dialect: Dialect;
  close(): Promise<void>;
}

const poolSize = 10;
const connectTimeoutMs = 5_000;
/** A statement that takes longer than this is stuck; the row locks of a claim take microseconds. */
const statementTimeoutMs = 30_000;
/** A transaction whose process hangs gives its locks back after this, the one of all submits above all; between two statements it needs microseconds. */
const idleTransactionTimeoutMs = 5_000;
/** How long a start waits for a process that is just ending. */
const sqliteBusyMs = 1_000;

/** Postgres is not contacted yet. @throws {ConfigError} for a bad URL; an Error in one line for an SQLite file that is in use */
export function openDatabase({ url, logger, clockOffsetMs }: OpenOptions): OpenDatabase {
  const location = parseDatabaseUrl(url);
  if (location.type === 'sqlite') return openSqlite(location.path, sqliteDialect(clockOffsetMs));
  const db = openPostgres(location.url, logger);
  return { db, dialect: postgresDialect(clockOffsetMs), close: async () => await db.destroy() };
}

function openPostgres(url: string, logger: Logger): Kysely<Tables> {
  const pool = new Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: idleTransactionTimeoutMs,
    query_timeout: statementTimeoutMs + connectTimeoutMs,
    keepAlive: true,
    application_name: 'prosemill',
    // Counts, turns, seeds and record ids are bigint, and far below 2^53.
    types: {
      getTypeParser: (oid, format) => (oid === types.builtins.INT8 ? Number : types.getTypeParser(oid, format)),
    },
  });
  // Without a listener a server that goes away would end the process. The pool hears only of idle connections; one that is in use tells
  // its statement, unless it is between two statements of a transaction.
  pool.on('error', (error) => logger.warn({ reason: errorLine(error) }, 'an idle database connection was lost'));
  pool.on('connect', (client) =>
    client.on('error', (error) => logger.debug({ reason: errorLine(error) }, 'a database connection was lost')),
  );
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
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
    dialect,
    async close() {
      await db.destroy();
      // Kysely knows nothing of a file that it was never asked about.
      database.close();
    },
  };
}
