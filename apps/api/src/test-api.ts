/** An API for tests, without a worker. It has an SQLite file of its own unless the test brings a database. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from '@prosemill/core';
import { createQueue } from '@prosemill/queue';
import { openStore } from '@prosemill/store';
import { createLogger, createMetrics, noTracing } from '@prosemill/telemetry';
import { type Api, type ApiOptions, createApi } from './create-api.ts';

export interface TestApi {
  readonly api: Api;
  readonly store: Store;
  close(): Promise<void>;
}

const logger = createLogger({ name: 'test', level: 'silent', pretty: false });

export interface TestApiOptions extends Partial<ApiOptions> {
  /** Default: an SQLite file. */
  readonly databaseUrl?: string;
}

export async function openTestApi({ databaseUrl, ...overrides }: TestApiOptions = {}): Promise<TestApi> {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-api-'));
  const store = openStore({ url: databaseUrl ?? `sqlite:${join(folder, 'test.db')}`, logger });
  await store.migrate();
  const queue = createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger });
  const api = createApi({
    store,
    hints: queue.sender,
    wakeUps: queue.wakeUps,
    rateLimiter: queue.rateLimiter,
    transportProblems: () => [],
    logger,
    metrics: createMetrics(),
    tracing: noTracing,
    forbiddenWords: [],
    maxAttempts: 3,
    maxQueueLength: 100,
    submitsPerMinute: 0,
    access: { auth: 'off' },
    trustedProxies: 0,
    basePath: undefined,
    corsOrigins: [],
    version: '0',
    ...overrides,
  });
  return {
    api,
    store,
    async close() {
      api.beginShutdown();
      await store.stop();
      await rm(folder, { recursive: true });
    },
  };
}
