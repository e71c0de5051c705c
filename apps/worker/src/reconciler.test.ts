/** What a reconciler puts right, with a real database and a real Redis. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from '@prosemill/core';
import { createQueue, type Queue } from '@prosemill/queue';
import { openStore } from '@prosemill/store';
import { createMetrics } from '@prosemill/telemetry';
import { launchRedis, type PrivateServer, newJob, silentLogger } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createReconciler } from './reconciler.ts';
import { createWorkerMetrics } from './worker-metrics.ts';

describe('the reconciler', () => {
  let folder: string;
  let store: Store;
  let redis: PrivateServer;
  let queue: Queue;
  let failures: number;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'prosemill-reconciler-'));
    store = openStore({ url: `sqlite:${join(folder, 'test.db')}`, logger: silentLogger });
    await store.migrate();
    redis = await launchRedis();
    queue = createQueue({ databaseUrl: 'sqlite:', redisUrl: redis.url, logger: silentLogger });
    failures = 0;
  });
  afterEach(async () => {
    await queue.stop();
    await redis.stop();
    await store.stop();
    await rm(folder, { recursive: true });
  });

  function startReconciler(): void {
    const reconciler = createReconciler({
      jobs: store.jobs,
      hints: queue.sender,
      wakeUps: queue.wakeUps,
      metrics: createWorkerMetrics(createMetrics(), { count: 0 }),
      logger: silentLogger,
      onFailure: () => (failures += 1),
    });
    reconciler.start();
    onTestFinished(async () => await reconciler.stop());
  }

  const submitMany = async (count: number): Promise<unknown> =>
    await Promise.all(Array.from({ length: count }, async () => await store.jobs.submit(newJob())));
  const countHints = async (): Promise<number | null> => await queue.sender.countWaiting().catch(() => null);

  it('sends 10,000 hints again within 60 s after a Redis has lost everything', async () => {
    await submitMany(10_000);
    startReconciler();
    await expect.poll(countHints, { timeout: 60_000 }).toBe(10_000);
    await redis.crash();
    await redis.restart();
    await expect.poll(countHints, { timeout: 60_000 }).toBe(10_000);
  });

  it('survives a Redis that is away, and says that hints cannot come', async () => {
    await submitMany(3);
    await redis.crash();
    startReconciler();
    await expect.poll(() => failures).toBeGreaterThan(0);
    await redis.restart();
    await expect.poll(countHints).toBe(3);
  });
});
