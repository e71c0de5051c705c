/** The API as a process of its own, in front of Postgres. It listens at once and says in /health what it is waiting for. */
import packageJson from '../package.json' with { type: 'json' };
import { armFailpoint, retryUntilAvailable, runProcess } from '@prosemill/core';
import { createQueue } from '@prosemill/queue';
import { openStore, requireServer } from '@prosemill/store';
import { addDatabaseMetrics, createLogger, createMetrics, createTracing, logWarnings } from '@prosemill/telemetry';
import { accessOf, announceAccess, warnWithoutKeys } from './access.ts';
import { readApiConfig } from './config.ts';
import { createApi } from './create-api.ts';
import { startServer } from './server.ts';

/** What requests under way get to finish. */
const stopLimitMs = 15_000;

await runProcess(async (aborted) => {
  const config = readApiConfig();
  armFailpoint(config);
  requireServer(config.DATABASE_URL);
  const logger = createLogger({ name: 'api', level: config.LOG_LEVEL, pretty: config.LOG_PRETTY });
  logWarnings(logger);
  const metrics = createMetrics();
  const store = openStore({ url: config.DATABASE_URL, logger });
  addDatabaseMetrics(metrics, store);
  const tracing = await createTracing({
    endpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
    name: 'api',
    version: packageJson.version,
    logger,
  });
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
  announceAccess(access, config, logger);
  const server = await startServer({ api, host: config.HOST, port: config.PORT, logger });
  const schema = retryUntilAvailable(
    async () => {
      await store.requireReady();
      await warnWithoutKeys(access, store.apiKeys, logger);
    },
    { name: 'database', logger, signal: aborted },
  );

  return {
    failed: schema.then(() => new Promise<never>(() => undefined)),
    async stop(signal) {
      logger.info({ signal }, 'stopping');
      await server.stop(stopLimitMs);
      await queue.stop();
      await store.stop();
      await tracing.stop();
      logger.info({}, 'stopped');
    },
  };
});
