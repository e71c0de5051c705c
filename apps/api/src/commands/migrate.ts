/** `pnpm migrate`: brings the schema of DATABASE_URL up to date, and ends. Waits until the database answers. */
import { exitWith, readArguments, retryUntilAvailable } from '@prosemill/core';
import { openStore } from '@prosemill/store';
import { createLogger, logWarnings } from '@prosemill/telemetry';
import { readApiConfig } from '../config.ts';

async function migrate(): Promise<void> {
  readArguments({ options: {} }, 'usage: pnpm migrate  (what to migrate is DATABASE_URL)');
  const config = readApiConfig();
  const logger = createLogger({ name: 'migrate', level: config.LOG_LEVEL, pretty: config.LOG_PRETTY });
  logWarnings(logger);
  const store = openStore({ url: config.DATABASE_URL, logger });
  const signal = new AbortController().signal;
  await retryUntilAvailable(() => store.migrate(), { name: 'database', logger, signal });
  await store.stop();
  logger.info({}, 'the schema is up to date');
}

await migrate().catch(exitWith);
