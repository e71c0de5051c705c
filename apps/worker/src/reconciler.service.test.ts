/** A reconciler with a real database and a real Redis. */
import { errorLine, type PermitResult, type Store, unstoredMs } from '@prosemill/core';
import { createQueue, type Queue } from '@prosemill/queue';
import { createMetrics } from '@prosemill/telemetry';
import { launchRedis, newJob, openSql, type PrivateServer, silentLogger } from '@prosemill/testkit';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createReconciler } from './reconciler.ts';
import { createDatabaseUrl, openTestStore } from './test-worker.ts';
import { createWorkerMetrics } from './worker-metrics.ts';

describe('the reconciler', () => {
  let url: string;
  let store: Store;
  let redis: PrivateServer;
  let queue: Queue;
  let failures: number;

  beforeEach(async () => {
    url = await createDatabaseUrl();
    store = await openTestStore(url);
    redis = await launchRedis();
    onTestFinished(async () => await redis.stop());
    queue = createQueue({ databaseUrl: 'sqlite:', redisUrl: redis.url, logger: silentLogger });
    onTestFinished(async () => await queue.stop());
    failures = 0;
  });

  function startReconciler(): void {
    const reconciler = createReconciler({
      ...store,
      generator: { model: null },
      hints: queue.sender,
      wakeUps: queue.wakeUps,
      metrics: createWorkerMetrics(createMetrics(), { running: { count: 0 }, generator: { slots: 1 } }),
      logger: silentLogger,
      onHintsFailed: () => (failures += 1),
    });
    reconciler.start();
    onTestFinished(async () => await reconciler.stop());
  }

  const submitMany = async (count: number): Promise<unknown> =>
    await Promise.all(Array.from({ length: count }, async () => await store.jobs.submit(newJob())));
  const countHints = async (): Promise<number | null> => await queue.sender.countWaiting().catch(() => null);

  it('sends 10,000 hints again within 60 s after Redis has lost everything', async () => {
    await submitMany(10_000);
    startReconciler();
    await expect.poll(countHints, { timeout: 60_000 }).toBe(10_000);
    await redis.crash();
    await redis.restart();
    await expect.poll(countHints, { timeout: 60_000 }).toBe(10_000);
  });

  it('survives an outage of Redis, and reports that hints cannot be sent', async () => {
    await submitMany(3);
    await redis.crash();
    startReconciler();
    await expect.poll(() => failures).toBeGreaterThan(0);
    await redis.restart();
    await expect.poll(countHints).toBe(3);
  });

  it('sends hints when its other duties fail, and then does not report that hints cannot be sent', async () => {
    await submitMany(3);
    // An SQLite file belongs to one connection at a time.
    await store.stop();
    const sql = await openSql(url);
    await sql.execute('drop table idempotency_keys');
    await sql.close();
    store = await openTestStore(url);
    const failure: unknown = await store.jobs.deleteOldIdempotencyKeys(1).catch((error: unknown) => error);
    expect(errorLine(failure)).toContain('idempotency_keys');
    await expect.poll(countHints).toBe(0);
    startReconciler();
    await expect.poll(countHints).toBe(3);
    expect(failures).toBe(0);
  });

  it('deletes jobs whose time is over', async () => {
    const job = await store.jobs.submit(newJob({ isStored: false }));
    await store.jobs.requestCancel('local', job.id);
    await store.stop();
    store = await openTestStore(url, unstoredMs + 1_000);
    startReconciler();
    await expect.poll(async () => (await store.jobs.find('local', job.id))?.purgedAt).toBeInstanceOf(Date);
  });

  it('sends a new permit for a row whose own permit is in use for another row', async () => {
    const first = await store.jobs.submit(newJob({ priorityClass: 1 }));
    await expect
      .poll(async () => await queue.sender.send([{ id: first.id, epoch: 0 }]).then(() => 'sent', String))
      .toBe('sent');
    // The hint of this job is lost.
    const urgent = await store.jobs.submit(newJob({ priorityClass: 0 }));
    const model = { name: 'm', revision: '1', engine: 'e', dtype: 'fp32', fingerprint: 'f' };
    const held = Promise.withResolvers<PermitResult>();
    let claimedId: string | undefined;
    const onPermit = async (): Promise<PermitResult> => {
      claimedId = (await store.jobs.claim({ workerId: 'worker', model, leaseMs: 30_000, fromClass: 0 }))?.job.id;
      return await held.promise;
    };
    await queue.receiver.start({ concurrency: 1, leaseMs: 30_000, onPermit, countClaimable: async () => 0 });
    try {
      await expect.poll(() => claimedId).toBe(urgent.id);
      startReconciler();
      await expect.poll(countHints).toBe(1);
    } finally {
      await queue.receiver.pause();
      held.resolve('done');
    }
  });
});
