/** The port `Store` on SQLite or Postgres. */
import type { Logger, Store } from '@prosemill/core';
import { createApiKeyStore } from './api-keys.ts';
import { LastFailure, withRetries } from './database-errors.ts';
import { createGenerationStore } from './generations.ts';
import { createJobStore } from './jobs/job-store.ts';
import { migrate, requireSchema } from './migrations/migrate.ts';
import { createModelStore } from './models.ts';
import { openDatabase } from './open-database.ts';
import { createWorkerStore } from './workers.ts';

export interface StoreOptions {
  /** See `parseDatabaseUrl`. */
  readonly url: string;
  readonly logger: Logger;
  /** Moves the database's clock; for tests. Default 0. */
  readonly clockOffsetMs?: number;
}

/**
 * Opens the database. Connects to Postgres at the first call. Locks an SQLite file at once, for this process.
 * @throws {ConfigError} for a bad URL, and an Error with a one-line message for an SQLite file that cannot be opened
 */
export function openStore({ url, logger, clockOffsetMs = 0 }: StoreOptions): Store {
  const context = openDatabase({ url, logger, clockOffsetMs });
  const lastFailure = new LastFailure();
  const { migrate: migrateSchema, requireReady } = withRetries(
    {
      migrate: async () => await migrate({ ...context, db: context.migrationDb }, logger),
      requireReady: async () => await requireSchema(context),
    },
    lastFailure,
  );
  return {
    jobs: withRetries(createJobStore(context), lastFailure),
    generations: withRetries(createGenerationStore(context), lastFailure),
    models: withRetries(createModelStore(context), lastFailure),
    workers: withRetries(createWorkerStore(context), lastFailure),
    apiKeys: withRetries(createApiKeyStore(context), lastFailure),
    migrate: migrateSchema,
    requireReady,
    connections: () => context.connections(),
    problem: () => lastFailure.message,
    stop: async () => await context.close(),
  };
}
