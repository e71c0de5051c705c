/** An SQLite file that belongs to this process, and Kysely's dialect for it. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import Database from 'better-sqlite3';
import {
  type DatabaseConnection,
  type Dialect,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { fileOpenFailed, fileStatementFailed } from './sqlite-errors.ts';

/** A start waits this long for the lock of a process that is ending. */
const busyMs = 1_000;

/** @throws an Error with a one-line message that names the file and the remedy */
export function openSqliteFile(location: string): Database.Database {
  const path = resolve(location);
  makeFolderOf(path);
  let database: Database.Database | null = null;
  try {
    database = new Database(path, { timeout: busyMs });
    // Before WAL, so that WAL needs no shared memory: the file belongs to this process alone.
    database.pragma('locking_mode = EXCLUSIVE');
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.pragma('foreign_keys = ON');
    // Deleted content is overwritten with zeros.
    database.pragma('secure_delete = ON');
    database.exec('begin exclusive; commit');
    return database;
  } catch (error) {
    database?.close();
    throw fileOpenFailed(error, path);
  }
}

function makeFolderOf(path: string): void {
  const folder = dirname(path);
  try {
    makeFolder(folder);
  } catch (error) {
    throw new Error(`The folder ${folder} of the database file ${path} cannot be made.`, { cause: error });
  }
}

/** Makes folders one by one: Node's `recursive` loops forever where no folder can be made, such as under /proc. */
function makeFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  makeFolder(dirname(folder));
  mkdirSync(folder);
}

export const sqliteFileDialect = (database: Database.Database): Dialect => ({
  createDriver: () => new SqliteFileDriver(database),
  createAdapter: () => new SqliteFileAdapter(),
  createQueryCompiler: () => new SqliteQueryCompiler(),
  createIntrospector: (db) => new SqliteIntrospector(db),
});

/** Makes a migration and its record one transaction, which SQLite supports and Kysely does not use. */
class SqliteFileAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/**
 * Rolls back only open transactions. SQLite itself rolls back when its disk is full: a second rollback would fail, and
 * its error would hide the first one.
 */
class SqliteFileDriver extends SqliteDriver {
  readonly #database: Database.Database;
  #connection: DatabaseConnection | null = null;

  constructor(database: Database.Database) {
    super({ database: keepStatements(database) });
    this.#database = database;
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    this.#connection ??= withFileErrors(await super.acquireConnection(), this.#database.name);
    return this.#connection;
  }

  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await this.rollbackTransaction(connection);
    await super.beginTransaction(connection);
  }

  /** If the rollback itself fails, the transaction stays open until the next one begins. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#database.inTransaction) await super.rollbackTransaction(connection).catch(() => undefined);
  }
}

/** Characters. Longer statements have values of many rows, and seldom come twice. */
const maxKeptLength = 8_000;
const maxKeptStatements = 200;

/**
 * Keeps the statements that were used last, since better-sqlite3 takes longer to prepare one than to run it. SQLite
 * itself prepares a kept statement again where that matters: after a change of the schema, and pragmas for each run.
 */
function keepStatements(database: Database.Database): SqliteDatabase {
  const kept = new Map<string, Database.Statement>();
  return {
    close: () => database.close(),
    prepare(sql) {
      if (sql.length > maxKeptLength) return database.prepare(sql);
      const statement = kept.get(sql) ?? database.prepare(sql);
      kept.delete(sql);
      kept.set(sql, statement);
      if (kept.size > maxKeptStatements) {
        const [oldest = sql] = kept.keys();
        kept.delete(oldest);
      }
      return statement;
    },
  };
}

const withFileErrors = (connection: DatabaseConnection, path: string): DatabaseConnection => ({
  async executeQuery(query, options) {
    try {
      return await connection.executeQuery(query, options);
    } catch (error) {
      throw fileStatementFailed(error, path);
    }
  },
  streamQuery: (query, chunkSize, options) => connection.streamQuery(query, chunkSize, options),
});
