/** The port `Store` on SQLite or Postgres. */
import type { Store } from '@prosemill/core';
import { createApiKeyStore } from './api-keys.ts';
import { createBatchStore } from './batches.ts';
import { LastFailure, withRetries } from './database-errors.ts';
import { createExportLinkStore } from './export-links.ts';
import { createGenerationStore } from './generations.ts';
import { createJobStore } from './jobs/job-store.ts';
import { createMeasureStore } from './measures.ts';
import { migrate, requireSchema } from './migrations/migrate.ts';
import { createModelStore } from './models.ts';
import { openDatabase, type StoreOptions } from './open-database.ts';
import { createTextStore } from './texts.ts';
import { createWebhookStore } from './webhooks.ts';
import { createWorkerStore } from './workers.ts';

/**
 * Opens the database. Connects to Postgres at the first call. Locks an SQLite file at once, for this process.
 * @throws {ConfigError} for a bad URL, and an Error with a one-line message for an SQLite file that cannot be opened
 */
export function openStore(options: StoreOptions): Store {
  const context = openDatabase(options);
  const lastFailure = new LastFailure();
  const schema = {
    migrate: async () => await migrate({ ...context, db: context.migrationDb }, options.logger),
    requireReady: async () => await requireSchema(context),
  };
  return {
    jobs: withRetries(createJobStore(context), lastFailure),
    batches: withRetries(createBatchStore(context), lastFailure),
    generations: withRetries(createGenerationStore(context), lastFailure),
    exportLinks: withRetries(createExportLinkStore(context), lastFailure),
    texts: withRetries(createTextStore(context), lastFailure),
    models: withRetries(createModelStore(context), lastFailure),
    workers: withRetries(createWorkerStore(context), lastFailure),
    webhooks: withRetries(createWebhookStore(context), lastFailure),
    measures: withRetries(createMeasureStore(context), lastFailure),
    apiKeys: withRetries(createApiKeyStore(context), lastFailure),
    ...withRetries(schema, lastFailure),
    connections: () => context.connections(),
    problem: () => lastFailure.message,
    stop: async () => await context.close(),
  };
}
