/** The whole service in one process, by default on an SQLite file and without Redis. */
import { announceAccess, apiOptions, createApi, createFindPage, startServer, warnWithoutKeys } from '@prosemill/api';
import { openAdapters } from '@prosemill/composition';
import { retryUntilAvailable, runProcess } from '@prosemill/core';
import { createWorker, graceMsFor, workerOptions } from '@prosemill/worker';
import { readStandaloneConfig } from './config.ts';

/** How long requests under way may take once the jobs are done or handed back. */
const serverStopLimitMs = 1_000;

await runProcess(async (aborted) => {
  const config = readStandaloneConfig();
  const adapters = await openAdapters(config, 'standalone');
  const { store, queue, logger } = adapters;
  await queue.wakeUps.start();
  const findPage = createFindPage({ folder: config.PAGE_DIR, logger, aborted });
  const options = apiOptions(config, adapters, findPage);
  const api = createApi(options);
  const worker = createWorker(workerOptions(config, adapters));
  announceAccess(options.access, config, logger);
  const server = await startServer({ api, host: config.HOST, port: config.PORT, logger });

  async function run(): Promise<never> {
    await retryUntilAvailable(
      async () => {
        await store.migrate();
        await warnWithoutKeys(options.access, store.apiKeys, logger);
      },
      { name: 'database', logger, signal: aborted },
    );
    await worker.start(aborted);
    // Not before, because a build would take its time from the load of the model. A browser that comes first begins it.
    void findPage();
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
      await adapters.stop();
      logger.info({}, 'stopped');
    },
  };
});
