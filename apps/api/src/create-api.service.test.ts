import type { JobBody } from '@prosemill/contract';
import type { Store } from '@prosemill/core';
import { createQueue } from '@prosemill/queue';
import { openStore } from '@prosemill/store';
import { createMetrics, noTracing } from '@prosemill/telemetry';
import { createTestDatabase, silentLogger, startTcpProxy, type TcpProxy } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { type Api, createApi } from './create-api.ts';

type Fault = (proxy: TcpProxy) => void;

const faults: readonly (readonly [string, Fault])[] = [
  ['hangs', (proxy) => proxy.blackHole()],
  [
    'is gone',
    (proxy) => {
      proxy.refuse();
      proxy.reset();
    },
  ],
];
/** Far less than the time limit of a statement. */
const soonMs = 3_000;

describe('a submit whose database fails right after the commit', () => {
  let dropDatabase: () => Promise<void>;
  let proxy: TcpProxy;
  let store: Store;
  let api: Api;
  let fault: Fault | null = null;

  beforeEach(async () => {
    const { url, drop } = await createTestDatabase(inject('postgresUrl'));
    dropDatabase = drop;
    proxy = await startTcpProxy(url);
    store = openStore({ url: proxy.url, logger: silentLogger });
    await store.migrate();
    const queue = createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger });
    api = createApi({
      store,
      hints: {
        ...queue.sender,
        // The first step after the commit.
        async send(hints) {
          fault?.(proxy);
          await queue.sender.send(hints);
        },
      },
      wakeUps: queue.wakeUps,
      rateLimiter: queue.rateLimiter,
      transportProblems: () => [],
      logger: silentLogger,
      metrics: createMetrics(),
      tracing: noTracing,
      forbiddenWords: [],
      maxAttempts: 3,
      maxQueueLength: 10,
      submitsPerMinute: 0,
      access: { auth: 'off' },
      trustedProxies: 0,
      basePath: undefined,
      corsOrigins: [],
      version: '0',
    });
  });
  afterEach(async () => {
    fault = null;
    api.beginShutdown();
    await proxy.stop();
    await store.stop();
    await dropDatabase();
  });

  async function submit(path: string, prefer: string): Promise<{ status: number; job: JobBody }> {
    const response = await api.app.request(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Prefer: prefer },
      body: JSON.stringify({ prompt: 'Once upon a time' }),
    });
    return { status: response.status, job: (await response.json()) as JobBody };
  }

  describe.each(faults)('(it %s)', (_name, faultOfTest) => {
    it.each([
      ['/jobs', ''],
      ['/generate', 'respond-async'],
      ['/generate', 'wait=1'],
    ])('is accepted by POST %s (%s), without a place in the queue', async (path, prefer) => {
      const { status, job } = await submit(path, prefer);
      expect([status, job.queue]).toEqual([202, { position: 0 }]);
      fault = faultOfTest;
      const begin = performance.now();
      const { status: after, job: next } = await submit(path, prefer);
      expect([after, next.status, next.queue]).toEqual([202, 'queued', null]);
      expect(performance.now() - begin).toBeLessThan(soonMs);
    });
  });
});
