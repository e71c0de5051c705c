/** One SQLite file that belongs to this process, and Kysely's way to it. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { type DatabaseConnection, type Driver, SqliteDialect, SqliteDriver } from 'kysely';
import { fileOpenFailed, fileStatementFailed } from './sqlite-errors.ts';

/** How long a start waits for a process that is just ending. */
const busyMs = 1_000;

/** @throws an Error in one line that names the file and what to do */
export function openSqliteFile(location: string): Database.Database {
  const path = resolve(location);
  makeFolderOf(path);
  let database: Database.Database | null = null;
  try {
    database = new Database(path, { timeout: busyMs });
    // Exclusive before WAL: the file is this process's, and needs no shared memory.
    database.pragma('locking_mode = EXCLUSIVE');
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.pragma('foreign_keys = ON');
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

/** One by one: Node's `recursive` tries for ever where a file system takes no folders, as under /proc. */
function makeFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  makeFolder(dirname(folder));
  mkdirSync(folder);
}

export class SqliteFileDialect extends SqliteDialect {
  readonly #database: Database.Database;

  constructor(database: Database.Database) {
    super({ database });
    this.#database = database;
  }

  override createDriver(): Driver {
    return new SqliteFileDriver(this.#database);
  }
}

/** SQLite itself rolls a transaction back when its disk is full: a second rollback would fail, and its error hide the first. */
class SqliteFileDriver extends SqliteDriver {
  readonly #database: Database.Database;
  #connection: DatabaseConnection | null = null;

  constructor(database: Database.Database) {
    super({ database });
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

  /** A transaction that is left over, as this failed too, goes before the next one begins. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#database.inTransaction) await super.rollbackTransaction(connection).catch(() => undefined);
  }
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
