/** Opens the database: pools of connections to Postgres, or one SQLite file that belongs to this process. */
import type { ConnectionCounts, Logger } from '@prosemill/core';
import { Kysely } from 'kysely';
import { parseDatabaseUrl } from './database-url.ts';
import { type Dialect, postgresDialect, sqliteDialect } from './dialect.ts';
import { pooledPostgres, pooledPostgresWithoutSort } from './postgres/postgres-dialect.ts';
import { createPostgresPool } from './postgres/postgres-pool.ts';
import type { Tables } from './schema.ts';
import { openSqliteFile, sqliteFileDialect } from './sqlite/sqlite-file.ts';
import type { JobStoreContext } from './store-context.ts';

export interface StoreOptions {
  readonly url: string;
  readonly logger: Logger;
  /** Days from the end of a job until its purge; 0: no limit. Default 0. */
  readonly retentionDays?: number;
  /** Moves the database's clock, for tests. Default 0. */
  readonly clockOffsetMs?: number;
}

interface OpenDatabase extends JobStoreContext {
  /** The same database with longer time limits. */
  readonly migrationDb: Kysely<Tables>;
  /** Counts of the pool behind `db`; null for a file. */
  connections(): ConnectionCounts | null;
  /** Cuts off statements that still run after 2 s. Idempotent. */
  close(): Promise<void>;
}

/** A slower statement is stuck: claims hold their row locks for microseconds. */
const statementTimeoutMs = 10_000;
/** Long enough to build an index of a big table, or to wait for another process that builds it. */
const migrationTimeoutMs = 30_000;

const dayMs = 24 * 60 * 60_000;

export function openDatabase({ url, logger, retentionDays = 0, clockOffsetMs = 0 }: StoreOptions): OpenDatabase {
  const location = parseDatabaseUrl(url);
  const retentionMs = retentionDays === 0 ? null : retentionDays * dayMs;
  if (location.type === 'sqlite') return { ...openSqlite(location.path, sqliteDialect(clockOffsetMs)), retentionMs };
  const open = (limitMs: number) => {
    const pool = createPostgresPool({ url: location.url, logger, statementTimeoutMs: limitMs });
    const options = { pool, settings: { statement_timeout: limitMs } };
    return { pool, options, db: new Kysely<Tables>({ dialect: pooledPostgres(options) }) };
  };
  const [{ db, options, pool }, { db: migrationDb }] = [open(statementTimeoutMs), open(migrationTimeoutMs)];
  return {
    db,
    claimDb: new Kysely<Tables>({ dialect: pooledPostgresWithoutSort(options) }),
    migrationDb,
    dialect: postgresDialect(clockOffsetMs),
    retentionMs,
    connections: () => pool.counts(),
    async close() {
      await Promise.all([db.destroy(), migrationDb.destroy()]);
    },
  };
}

function openSqlite(path: string, dialect: Dialect): Omit<OpenDatabase, 'retentionMs'> {
  const database = openSqliteFile(path);
  const db = new Kysely<Tables>({ dialect: sqliteFileDialect(database) });
  return {
    db,
    claimDb: db,
    migrationDb: db,
    dialect,
    connections: () => null,
    async close() {
      await db.destroy();
      // Kysely closes only a file that it has used.
      database.close();
    },
  };
}
