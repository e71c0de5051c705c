import type { JobBody } from '@prosemill/contract';
import { createQueue } from '@prosemill/queue';
import { createTestDatabase, silentLogger, startTcpProxy, type TcpProxy } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { openTestApi, type TestApi } from './test-api.ts';

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
  let opened: TestApi;
  let fault: Fault | null = null;

  beforeEach(async () => {
    const { url, drop } = await createTestDatabase(inject('postgresUrl'));
    dropDatabase = drop;
    proxy = await startTcpProxy(url);
    const { sender } = createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger });
    opened = await openTestApi({
      databaseUrl: proxy.url,
      maxQueueLength: 10,
      hints: {
        ...sender,
        // The first step after the commit.
        async send(hints) {
          fault?.(proxy);
          await sender.send(hints);
        },
      },
    });
  });
  afterEach(async () => {
    fault = null;
    await proxy.stop();
    await opened.close();
    await dropDatabase();
  });

  async function submit(path: string, prefer: string): Promise<{ status: number; job: JobBody }> {
    const response = await opened.api.app.request(path, {
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
      // A new process on a busy machine may need longer than a submit waits for its place.
      await expect
        .poll(async () => (await submit(path, prefer)).job.queue, { timeout: 10_000 })
        .toMatchObject({ position: expect.any(Number) as number });
      fault = faultOfTest;
      const begin = performance.now();
      const { status: after, job: next } = await submit(path, prefer);
      expect([after, next.status, next.queue]).toEqual([202, 'queued', null]);
      expect(performance.now() - begin).toBeLessThan(soonMs);
    });
  });
});
