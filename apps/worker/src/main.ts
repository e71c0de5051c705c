/** A worker as a process of its own, on Postgres. */
import packageJson from '../package.json' with { type: 'json' };
import { armFailpoint, newId, retryUntilAvailable, runProcess } from '@prosemill/core';
import { createTextGenerator } from '@prosemill/engine';
import { createQueue } from '@prosemill/queue';
import { openStore, requireServer } from '@prosemill/store';
import { addDatabaseMetrics, createLogger, createMetrics, createTracing, logWarnings } from '@prosemill/telemetry';
import { fleetEngineOptions, readWorkerConfig } from './config.ts';
import { createWorker } from './create-worker.ts';
import { startProbeServer } from './probe-server.ts';
import { graceMsFor } from './shutdown-grace.ts';

await runProcess(async (aborted) => {
  const config = readWorkerConfig();
  armFailpoint(config);
  requireServer(config.DATABASE_URL);
  const logger = createLogger({ name: 'worker', level: config.LOG_LEVEL, pretty: config.LOG_PRETTY });
  logWarnings(logger);
  const metrics = createMetrics();
  const store = openStore({ url: config.DATABASE_URL, logger });
  addDatabaseMetrics(metrics, store);
  const tracing = await createTracing({
    endpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
    name: 'worker',
    version: packageJson.version,
    logger,
  });
  const leaseMs = config.LEASE_SECONDS * 1_000;
  const queue = createQueue({ databaseUrl: config.DATABASE_URL, redisUrl: config.REDIS_URL, logger });
  await queue.requireUsable();
  const generator = createTextGenerator({ ...fleetEngineOptions(config), logger });
  const worker = createWorker({
    store,
    receiver: queue.receiver,
    hints: queue.sender,
    wakeUps: queue.wakeUps,
    transportProblems: queue.problems,
    generator,
    logger,
    metrics,
    tracing,
    workerId: newId(),
    leaseMs,
    forbiddenWords: config.FORBIDDEN_WORDS,
  });
  const probes = await startProbeServer({ worker, metrics, host: config.HOST, port: config.WORKER_PORT });
  logger.info({ port: probes.port }, 'the worker answers probes');

  async function run(): Promise<never> {
    await retryUntilAvailable(() => store.requireReady(), { name: 'database', logger, signal: aborted });
    await queue.wakeUps.start();
    await worker.start(aborted);
    return await worker.failed;
  }

  return {
    failed: run(),
    graceMs: graceMsFor('SIGTERM', config.SHUTDOWN_GRACE_SECONDS),
    async stop(signal) {
      logger.info({ signal }, 'stopping');
      await worker.stop(graceMsFor(signal, config.SHUTDOWN_GRACE_SECONDS));
      await probes.stop();
      await queue.stop();
      await store.stop();
      await tracing.stop();
      logger.info({}, 'stopped');
    },
  };
});
