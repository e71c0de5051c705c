/** The API as a process of its own, on Postgres. It listens at once; /health tells what it waits for. */
import { openAdapters } from '@prosemill/composition';
import { retryUntilAvailable, runProcess } from '@prosemill/core';
import { requireServer } from '@prosemill/store';
import { announceAccess, warnWithoutKeys } from './auth/access.ts';
import { apiOptions } from './api-options.ts';
import { readApiConfig } from './config.ts';
import { createApi } from './create-api.ts';
import { startServer } from './http/server.ts';
import { createFindPage } from './page/find-page.ts';

/** How long requests under way may take to finish. */
const stopLimitMs = 15_000;

await runProcess(async (aborted) => {
  const config = readApiConfig();
  requireServer(config.DATABASE_URL);
  const adapters = await openAdapters(config, 'api');
  const { store, queue, logger } = adapters;
  await queue.wakeUps.start();
  const findPage = createFindPage({ folder: config.PAGE_DIR, logger, aborted });
  const options = apiOptions(config, adapters, findPage);
  const api = createApi(options);
  announceAccess(options.access, config, logger);
  const server = await startServer({ api, host: config.HOST, port: config.PORT, logger });
  const schema = retryUntilAvailable(
    async () => {
      await store.requireReady();
      await warnWithoutKeys(options.access, store.apiKeys, logger);
    },
    { name: 'database', logger, signal: aborted },
  );

  return {
    failed: schema.then(async () => {
      // A browser that comes first begins the build itself.
      await findPage();
      return await new Promise<never>(() => undefined);
    }),
    async stop(signal) {
      logger.info({ signal }, 'stopping');
      await server.stop(stopLimitMs);
      await adapters.stop();
      logger.info({}, 'stopped');
    },
  };
});
