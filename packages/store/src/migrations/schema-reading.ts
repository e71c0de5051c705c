/** Reads the state of a schema: its encoding, its migrations, and its tables with their columns. */
import { coalesced } from '@prosemill/core';
import Database from 'better-sqlite3';
import { Kysely, sql, SqliteDialect } from 'kysely';
import { databaseUnavailable } from '../database-errors.ts';
import { sqliteDialect } from '../dialect.ts';
import type { StoreContext } from '../store-context.ts';
import { createMigrations } from './migrations.ts';

/** Names of columns by table. */
export type Columns = ReadonlyMap<string, ReadonlySet<string>>;

export interface SchemaReading {
  readonly encoding: string;
  /** The schema where statements find an installation; without one, `nameOfFirst`. */
  readonly name: string;
  /** The schema where statements make tables. */
  readonly nameOfFirst: string;
  /** Migrations that ran. */
  readonly executed: readonly string[];
  readonly columns: Columns;
}

type Db = StoreContext['db'];

/** @throws {AppError} `database_unavailable` when Postgres's search_path leads to no schema */
export async function readSchema({ db, dialect }: StoreContext): Promise<SchemaReading> {
  return dialect.schemas ? await readServer(db) : await readFile(db);
}

async function readFile(db: Db): Promise<SchemaReading> {
  const columns = await sqliteColumns(db);
  return {
    encoding: 'UTF8',
    name: 'main',
    nameOfFirst: 'main',
    executed: columns.has('kysely_migration') ? await executedMigrations(db) : [],
    columns,
  };
}

async function readServer(db: Db): Promise<SchemaReading> {
  const place = await sql<{ first: string | null; found: string | null; encoding: string }>`
    select current_schema() as first, current_setting('server_encoding') as encoding,
      (select nspname from pg_class join pg_namespace on pg_namespace.oid = relnamespace
        where pg_class.oid = to_regclass('kysely_migration')) as found`.execute(db);
  const { first = null, found = null, encoding = '' } = place.rows[0] ?? {};
  const name = found ?? first;
  if (name === null) {
    throw databaseUnavailable('The search_path names no existing schema that the database role may use.');
  }
  const { rows } = await sql<ColumnRow>`
    select relname as table_name, attname as column_name from pg_attribute
      join pg_class on pg_class.oid = attrelid join pg_namespace on pg_namespace.oid = relnamespace
      where nspname = ${name} and relkind in ('r', 'p', 'v', 'm', 'f') and attnum > 0 and not attisdropped`.execute(db);
  return {
    encoding,
    name,
    nameOfFirst: first ?? name,
    executed: found === null ? [] : await executedMigrations(db),
    columns: byTable(rows),
  };
}

async function executedMigrations(db: Db): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
  return rows.map(({ name }) => name);
}

/** The tables of this version, read in memory: the migrations make the same ones in every database. */
export const expectedColumns = coalesced(Number.POSITIVE_INFINITY, migrateInMemory);

async function migrateInMemory(): Promise<Columns> {
  const db: Db = new Kysely({ dialect: new SqliteDialect({ database: new Database(':memory:') }) });
  try {
    for (const migration of Object.values(createMigrations(sqliteDialect(0)))) await migration.up(db);
    return await sqliteColumns(db);
  } finally {
    await db.destroy();
  }
}

/** Uses `table_xinfo`: `table_info` leaves out computed columns. The tables of an FTS5 index are left out. */
async function sqliteColumns(db: Db): Promise<Columns> {
  const { rows } = await sql<ColumnRow>`
    select tables.name as table_name, columns.name as column_name
      from pragma_table_list as tables join pragma_table_xinfo(tables.name) as columns
      where tables.schema = 'main' and tables.type in ('table', 'view') and tables.name not like 'sqlite_%'`.execute(
    db,
  );
  return byTable(rows);
}

interface ColumnRow {
  readonly table_name: string;
  readonly column_name: string;
}

function byTable(rows: readonly ColumnRow[]): Columns {
  const tables = Map.groupBy(rows, ({ table_name: table }) => table);
  return new Map([...tables].map(([table, columns]) => [table, new Set(columns.map(({ column_name: name }) => name))]));
}

/** Returns `table` for each missing table, and `table.column` for each missing column of the others. */
export function lackingColumns(wanted: Columns, present: Columns): readonly string[] {
  return [...wanted].flatMap(([table, columns]) => {
    const there = present.get(table);
    if (there === undefined) return [table];
    return [...columns].filter((column) => !there.has(column)).map((column) => `${table}.${column}`);
  });
}
