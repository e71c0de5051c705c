/** A job that kills the engine, among harmless ones: a whole worker, with the engine of production and a failpoint. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { armFailpoint, type Job, newId, poisonWord, type Store } from '@prosemill/core';
import { createTextGenerator } from '@prosemill/engine';
import { createQueue } from '@prosemill/queue';
import { openStore } from '@prosemill/store';
import { createMetrics, type Metrics, noTracing } from '@prosemill/telemetry';
import { childProcesses, newJob, silentLogger } from '@prosemill/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createWorker } from './create-worker.ts';
import { shippedEngine } from './test-engine.ts';

const parameters = { ...newJob().parameters, maxNewTokens: 40, stop: [] };

async function openTestStore(): Promise<Store> {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-poison-'));
  const store = openStore({ url: `sqlite:${join(folder, 'test.db')}`, logger: silentLogger });
  onTestFinished(async () => {
    await store.stop();
    await rm(folder, { recursive: true });
  });
  await store.migrate();
  return store;
}

async function startWorker(store: Store, hangLimitMs: number): Promise<Metrics> {
  const queue = createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger });
  const metrics = createMetrics();
  const worker = createWorker({
    store,
    receiver: queue.receiver,
    hints: queue.sender,
    wakeUps: queue.wakeUps,
    transportProblems: queue.problems,
    generator: createTextGenerator({
      ...shippedEngine(8),
      hangLimitMs,
      logger: silentLogger,
    }),
    logger: silentLogger,
    metrics,
    tracing: noTracing,
    workerId: newId(),
    leaseMs: 30_000,
    forbiddenWords: [],
  });
  onTestFinished(async () => await worker.stop(0));
  await worker.start(new AbortController().signal);
  return metrics;
}

describe('a job that kills the engine', () => {
  it('is started three times and no more, and its neighbours succeed', async () => {
    armFailpoint({ FAILPOINT: 'engine.poison:kill9' });
    onTestFinished(() => armFailpoint({}));
    const store = await openTestStore();
    const neighbours: Job[] = [];
    for (let seed = 0; seed < 25; seed += 1) neighbours.push(await store.jobs.submit(newJob({ seed, parameters })));
    const poison = await store.jobs.submit(newJob({ prompt: `A ${poisonWord} for the king`, maxAttempts: 10 }));
    for (let seed = 25; seed < 50; seed += 1) neighbours.push(await store.jobs.submit(newJob({ seed, parameters })));
    const metrics = await startWorker(store, 30_000);
    const find = async ({ id }: Job): Promise<Job | null> => await store.jobs.find('local', id);
    await expect.poll(async () => (await find(poison))?.status, { timeout: 60_000 }).toBe('failed');
    expect(await find(poison)).toMatchObject({ attempt: 3, crashCount: 3, error: { code: 'worker_lost' } });
    await expect.poll(async () => (await store.jobs.measureQueue()).queued, { timeout: 60_000 }).toBe(0);
    await expect.poll(async () => (await store.jobs.measureQueue()).running).toBe(0);
    for (const neighbour of neighbours) {
      const ended = await find(neighbour);
      expect(ended?.status).toBe('succeeded');
      expect(ended?.crashCount).toBeLessThanOrEqual(1);
    }
    expect(await metrics.read()).toMatch(/^prosemill_crashes_total [3-9]$|^prosemill_crashes_total 10$/m);
  });

  it('is run again when the engine hung by accident', async () => {
    const store = await openTestStore();
    await startWorker(store, 1_200);
    const long = { ...parameters, maxNewTokens: 500, topK: 0, temperature: 1.3 };
    const job = await store.jobs.submit(newJob({ parameters: long }));
    const find = async (): Promise<Job | null> => await store.jobs.find('local', job.id);
    await expect.poll(async () => (await find())?.status, { interval: 5 }).toBe('running');
    for (const { pid, command } of childProcesses(process.pid)) {
      if (command.includes('child/main.ts')) process.kill(pid, 'SIGSTOP');
    }
    await expect.poll(async () => (await find())?.status).toBe('succeeded');
    expect(await find()).toMatchObject({ attempt: 2, crashCount: 1 });
  });
});
