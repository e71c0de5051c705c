/** Brings a schema up to date, or reports the obstacle. */
import { ConfigError, type Logger } from '@prosemill/core';
import { sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import { databaseUnavailable } from '../database-errors.ts';
import type { StoreContext } from '../store-context.ts';
import { createMigrations } from './migrations.ts';
import { expectedColumns, lackingColumns, readSchema, type SchemaReading } from './schema-reading.ts';

/** Kysely's own lock, which older versions take for their session: old and new processes wait for each other. */
const migrationLock = 3_853_314_791_062_309_107n;

/**
 * Applies the missing migrations under a lock, so that several processes may call it at once. Leaves the schema of a
 * newer version unchanged. Each migration is a transaction of its own: with the table locks of an earlier one, it would
 * deadlock with transactions of running processes.
 * @throws {ConfigError} for an unusable database, and for tables of another program
 */
export async function migrate(context: StoreContext, logger: Logger): Promise<void> {
  while (await migrateAlone(context, logger));
}

async function migrateAlone(context: StoreContext, logger: Logger): Promise<boolean> {
  const { dialect, db } = context;
  if (!dialect.advisoryLocks) return await migrateUp(context, logger);
  return await db.transaction().execute(async (tx) => {
    await sql`select pg_advisory_xact_lock(${sql.lit(migrationLock)})`.execute(tx);
    return await migrateUp({ ...context, db: tx }, logger);
  });
}

/** Applies the first migration that is missing. @returns true when others are missing too */
async function migrateUp(context: StoreContext, logger: Logger): Promise<boolean> {
  const schema = await readSchema(context);
  requireUsableEncoding(schema);
  requireFirstPlace(schema);
  const { missing, unknown } = compareMigrations(context, schema);
  if (unknown.length > 0 && missing.length === 0) {
    logger.warn({ migrations: unknown }, 'the schema was made by a newer version of Prosemill: nothing to do');
    return false;
  }
  if (unknown.length > 0) {
    throw new ConfigError([
      `DATABASE_URL: the schema ${schema.name} has migrations of another program (${unknown.join(', ')}) and lacks some of Prosemill's (${missing.join(', ')}). ${ownSchema}`,
    ]);
  }
  if (schema.executed.length === 0) await requireNoForeignTables(schema);
  const migrator = new Migrator({
    db: context.db,
    provider: { getMigrations: async () => createMigrations(context.dialect) },
    // By default, Kysely would find its table in any schema.
    ...(context.dialect.schemas ? { migrationTableSchema: schema.name } : {}),
  });
  const { error } = await migrator.migrateUp();
  if (error !== undefined) throw error;
  return missing.length > 1;
}

/**
 * @throws {AppError} `database_unavailable` when tables, columns or migrations are missing
 * @throws {ConfigError} for an unusable database
 */
export async function requireSchema(context: StoreContext): Promise<void> {
  const schema = await readSchema(context);
  requireUsableEncoding(schema);
  const { missing } = compareMigrations(context, schema);
  if (schema.executed.length === 0) throw databaseUnavailable('The schema is missing; run pnpm migrate.');
  if (missing.length > 0) {
    throw databaseUnavailable(
      `The schema is older than this version (missing: ${missing.join(', ')}); run pnpm migrate.`,
    );
  }
  const lacking = lackingColumns(await expectedColumns(), schema.columns);
  if (lacking.length > 0) {
    throw databaseUnavailable(`The schema is damaged, or made for another version: it lacks ${lacking.join(', ')}.`);
  }
}

interface Difference {
  readonly missing: readonly string[];
  /** Executed migrations of a newer version or of another program. */
  readonly unknown: readonly string[];
}

function compareMigrations({ dialect }: StoreContext, { executed }: SchemaReading): Difference {
  const known = Object.keys(createMigrations(dialect));
  return {
    missing: known.filter((name) => !executed.includes(name)),
    unknown: executed.filter((name) => !known.includes(name)),
  };
}

function requireUsableEncoding({ encoding }: SchemaReading): void {
  if (encoding === 'UTF8') return;
  throw new ConfigError([
    `DATABASE_URL: the database has the encoding ${encoding}, and texts need UTF8. Make another one: create database prosemill encoding 'UTF8' lc_collate 'C' lc_ctype 'C' template template0`,
  ]);
}

/**
 * Refuses an installation in a later schema of the search_path: migrations would change its tables, and make new ones
 * in the first schema.
 */
function requireFirstPlace({ name, nameOfFirst }: SchemaReading): void {
  if (name === nameOfFirst) return;
  throw new ConfigError([
    `DATABASE_URL: the search_path begins with the schema ${nameOfFirst}, and the tables of an installation are in ${name}, further on. Set search_path to ${name} to use that one, or to ${nameOfFirst} alone to install another`,
  ]);
}

async function requireNoForeignTables({ name, columns }: SchemaReading): Promise<void> {
  const taken = [...(await expectedColumns()).keys()].filter((table) => columns.has(table));
  if (taken.length === 0) return;
  throw new ConfigError([
    `DATABASE_URL: the schema ${name} has tables that Prosemill's migrations did not make: ${taken.join(', ')}. ${ownSchema}`,
  ]);
}

const ownSchema = 'Give Prosemill a database or a schema (search_path) of its own';
