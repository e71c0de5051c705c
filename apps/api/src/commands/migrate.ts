/** `pnpm migrate`: waits until the database answers, brings its schema up to date, and ends. */
import { exitWith, readArguments, retryUntilAvailable } from '@prosemill/core';
import { openStore } from '@prosemill/store';
import { createLogger, logWarnings } from '@prosemill/telemetry';
import { readApiConfig } from '../config.ts';

async function migrate(): Promise<void> {
  readArguments({ options: {} }, 'usage: pnpm migrate  (DATABASE_URL names the database)');
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
