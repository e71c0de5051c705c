/** The migrations in their order. Each is a file that never changes once it has been released. */
import { AppError } from '@prosemill/core';
import { sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import type { StoreContext } from '../jobs/context.ts';
import { createMigration0001 } from './0001-jobs.ts';
import { createMigration0002 } from './0002-idempotency-keys.ts';
import { createMigration0003 } from './0003-api-keys.ts';
import { createMigration0004 } from './0004-job-traceparent.ts';
import { createMigration0005 } from './0005-queue-pause.ts';
import { createMigration0006 } from './0006-job-event-columns.ts';

/** Kysely's own number, which versions before took for the session: old and new wait for each other. */
const migrationLock = 3_853_314_791_062_309_107n;

function createMigrator({ db, dialect }: StoreContext): Migrator {
  const migrations: Record<string, Migration> = {
    '0001-jobs': createMigration0001(dialect),
    '0002-idempotency-keys': createMigration0002(dialect),
    '0003-api-keys': createMigration0003(dialect),
    '0004-job-traceparent': createMigration0004(),
    '0005-queue-pause': createMigration0005(dialect),
    '0006-job-event-columns': createMigration0006(dialect),
  };
  return new Migrator({
    db,
    provider: { getMigrations: async () => migrations },
  });
}

/** Applies what is missing; a lock lets several processes try at once. */
export async function migrate(context: StoreContext): Promise<void> {
  const { dialect, db } = context;
  if (dialect.name === 'sqlite') return await migrateToLatest(context);
  await db.transaction().execute(async (tx) => {
    await sql`select pg_advisory_xact_lock(${sql.lit(migrationLock)})`.execute(tx);
    await migrateToLatest({ dialect, db: tx });
  });
}

async function migrateToLatest(context: StoreContext): Promise<void> {
  const { error } = await createMigrator(context).migrateToLatest();
  if (error !== undefined) throw error;
}

/** @throws {AppError} `database_unavailable` when a migration is missing */
export async function requireSchema(context: StoreContext): Promise<void> {
  const missing = (await createMigrator(context).getMigrations()).filter(({ executedAt }) => executedAt === undefined);
  if (missing.length === 0) return;
  throw new AppError('database_unavailable', {
    message: `The schema is not up to date (missing: ${missing.map(({ name }) => name).join(', ')}); run pnpm migrate.`,
  });
}
