/** A worker as a process of its own, on Postgres. */
import { openAdapters } from '@prosemill/composition';
import { retryUntilAvailable, runProcess } from '@prosemill/core';
import { requireServer } from '@prosemill/store';
import { readWorkerConfig } from './config.ts';
import { createWorker } from './create-worker.ts';
import { startProbeServer } from './probe-server.ts';
import { graceMsFor } from './shutdown-grace.ts';
import { workerOptions } from './worker-options.ts';

await runProcess(async (aborted) => {
  const config = readWorkerConfig();
  requireServer(config.DATABASE_URL);
  const adapters = await openAdapters(config, 'worker');
  const { store, queue, logger, metrics } = adapters;
  const worker = createWorker(workerOptions(config, adapters));
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
      await adapters.stop();
      logger.info({}, 'stopped');
    },
  };
});
