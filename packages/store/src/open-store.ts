/** The store: everything the service keeps, on SQLite or Postgres. */
import type { Logger, Store } from '@prosemill/core';
import { createApiKeyStore } from './api-keys.ts';
import { DatabaseTrouble, withRetries } from './database-errors.ts';
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
 * Opens the database. Postgres is contacted by the first call; an SQLite file is this process's from here on.
 * @throws {ConfigError} for a URL that is none; an Error in one line for an SQLite file that cannot be opened
 */
export function openStore({ url, logger, clockOffsetMs = 0 }: StoreOptions): Store {
  const context = openDatabase({ url, logger, clockOffsetMs });
  const trouble = new DatabaseTrouble();
  const { migrate: migrateSchema, requireReady } = withRetries(
    {
      migrate: async () => await migrate({ ...context, db: context.migrationDb }, logger),
      requireReady: async () => await requireSchema(context),
    },
    trouble,
  );
  return {
    jobs: withRetries(createJobStore(context), trouble),
    generations: withRetries(createGenerationStore(context), trouble),
    models: withRetries(createModelStore(context), trouble),
    workers: withRetries(createWorkerStore(context), trouble),
    apiKeys: withRetries(createApiKeyStore(context), trouble),
    migrate: migrateSchema,
    requireReady,
    connections: () => context.connections(),
    problem: () => trouble.message,
    stop: async () => await context.close(),
  };
}
