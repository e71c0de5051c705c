/** The whole service in one process, on whatever DATABASE_URL and REDIS_URL name; with neither, on an SQLite file. */
import packageJson from '../package.json' with { type: 'json' };
import { accessOf, announceAccess, createApi, startServer, warnWithoutKeys } from '@prosemill/api';
import { armFailpoint, newId, retryUntilAvailable, runProcess } from '@prosemill/core';
import { createTextGenerator } from '@prosemill/engine';
import { createQueue } from '@prosemill/queue';
import { openStore } from '@prosemill/store';
import { addDatabaseMetrics, createLogger, createMetrics, createTracing, logWarnings } from '@prosemill/telemetry';
import { createWorker, engineOptions, graceMsFor } from '@prosemill/worker';
import { readStandaloneConfig } from './config.ts';

/** What requests under way get to finish once the jobs are done or handed back. */
const serverStopLimitMs = 1_000;

await runProcess(async (aborted) => {
  const config = readStandaloneConfig();
  armFailpoint(config);
  const logger = createLogger({ name: 'standalone', level: config.LOG_LEVEL, pretty: config.LOG_PRETTY });
  logWarnings(logger);
  const metrics = createMetrics();
  const store = openStore({ url: config.DATABASE_URL, logger });
  addDatabaseMetrics(metrics, store);
  const tracing = await createTracing({
    endpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
    name: 'standalone',
    version: packageJson.version,
    logger,
  });
  const leaseMs = config.LEASE_SECONDS * 1_000;
  const queue = createQueue({ databaseUrl: config.DATABASE_URL, redisUrl: config.REDIS_URL, logger });
  await queue.requireUsable();
  await queue.wakeUps.start();
  const access = accessOf(config);
  const api = createApi({
    store,
    hints: queue.sender,
    wakeUps: queue.wakeUps,
    rateLimiter: queue.rateLimiter,
    transportProblems: queue.problems,
    logger,
    metrics,
    tracing,
    forbiddenWords: config.FORBIDDEN_WORDS,
    maxAttempts: config.MAX_ATTEMPTS,
    maxQueueLength: config.MAX_QUEUE_LENGTH,
    submitsPerMinute: config.RATE_LIMIT_PER_MINUTE,
    access,
    trustedProxies: config.TRUSTED_PROXIES,
    basePath: config.BASE_PATH,
    corsOrigins: config.CORS_ORIGINS,
    version: packageJson.version,
  });
  const worker = createWorker({
    store,
    receiver: queue.receiver,
    hints: queue.sender,
    wakeUps: queue.wakeUps,
    transportProblems: queue.problems,
    generator: createTextGenerator({ ...engineOptions(config), logger }),
    logger,
    metrics,
    tracing,
    workerId: newId(),
    leaseMs,
    forbiddenWords: config.FORBIDDEN_WORDS,
  });
  announceAccess(access, config, logger);
  const server = await startServer({ api, host: config.HOST, port: config.PORT, logger });

  async function run(): Promise<never> {
    await retryUntilAvailable(
      async () => {
        await store.migrate();
        await warnWithoutKeys(access, store.apiKeys, logger);
      },
      { name: 'database', logger, signal: aborted },
    );
    await worker.start(aborted);
    return await worker.failed;
  }

  return {
    failed: run(),
    graceMs: graceMsFor('SIGTERM', config.SHUTDOWN_GRACE_SECONDS),
    async stop(signal) {
      logger.info({ signal }, 'stopping');
      api.beginShutdown();
      await worker.stop(graceMsFor(signal, config.SHUTDOWN_GRACE_SECONDS));
      await server.stop(serverStopLimitMs);
      await queue.stop();
      await store.stop();
      await tracing.stop();
      logger.info({}, 'stopped');
    },
  };
});
