/** The store: everything the service keeps, on SQLite or Postgres. */
import { AppError, type Job, type JobStore, type Logger, type NewJob, type Store } from '@prosemill/core';
import { createApiKeyStore } from './api-keys.ts';
import { DatabaseTrouble, withRetries } from './database-errors.ts';
import { createGenerationStore } from './generations.ts';
import { requestCancel } from './jobs/cancel.ts';
import { claimJob, renewLease } from './jobs/claim.ts';
import { completeJob } from './jobs/complete.ts';
import { groupCommit } from './jobs/group-commit.ts';
import { deleteOldIdempotencyKeys, findByIdempotencyKey, keyReused } from './jobs/idempotency.ts';
import {
  countAhead,
  listAhead,
  countClaimable,
  countOpen,
  findJob,
  jobVersions,
  listClaimable,
  listJobs,
  measureQueue,
} from './jobs/read.ts';
import { isPaused, setPaused } from './jobs/pause.ts';
import { expireJobs, rescueLostJobs } from './jobs/reconcile.ts';
import { submitJobs } from './jobs/submit.ts';
import { migrate, requireSchema } from './migrations/migrate.ts';
import { createModelStore } from './models.ts';
import { openDatabase } from './open-database.ts';
import type { StoreContext } from './store-context.ts';
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

function createJobStore(context: StoreContext): JobStore {
  const joinCommit = groupCommit<NewJob, Job | null>({
    commit: async (jobs) => await submitJobs(context, jobs),
    mayBeOfOneItem: (error) => !(error instanceof AppError && error.kind === 'unavailable'),
  });
  return {
    async submit(newJob) {
      const job = await joinCommit(newJob);
      if (job === null) throw keyReused();
      return job;
    },
    findByIdempotencyKey: async (ownerId, key) => await findByIdempotencyKey(context, ownerId, key),
    find: async (ownerId, id) => await findJob(context, ownerId, id),
    list: async (query) => await listJobs(context, query),
    countAhead: async (id, limit) => await countAhead(context, id, limit),
    listAhead: async (ids, limit) => await listAhead(context, ids, limit),
    requestCancel: async (ownerId, id) => await requestCancel(context, ownerId, id),
    versions: async (ids) => await jobVersions(context, ids),
    claim: async (options) => await claimJob(context, options),
    renew: async (claim, leaseMs) => await renewLease(context, claim, leaseMs),
    complete: async (claim, outcome) => await completeJob(context, claim, outcome),
    rescueLostJobs: async (limit) => await rescueLostJobs(context, limit),
    expireJobs: async (limit) => await expireJobs(context, limit),
    deleteOldIdempotencyKeys: async (limit) => await deleteOldIdempotencyKeys(context, limit),
    countClaimable: async () => await countClaimable(context),
    listClaimable: async (options) => await listClaimable(context, options),
    countOpen: async () => await countOpen(context),
    measureQueue: async () => await measureQueue(context),
    setPaused: async (paused) => await setPaused(context, paused),
    isPaused: async () => await isPaused(context),
  };
}
