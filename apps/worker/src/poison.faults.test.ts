/** A job that kills the engine, among jobs that do not: a whole worker, with failpoint and engine as in production. */
import { armFailpoint, type Job, poisonWord } from '@prosemill/core';
import { createMetrics } from '@prosemill/telemetry';
import { newJob } from '@prosemill/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createTestEngine, createTestWorker, longText, openTestStore, signalEngine } from './test-worker.ts';

const parameters = { ...newJob().parameters, maxNewTokens: 40, stop: [] };

describe('a job that kills the engine', () => {
  it('is started three times and no more, and its neighbours succeed', async () => {
    armFailpoint({ FAILPOINT: 'engine.poison:kill9' });
    onTestFinished(() => armFailpoint({}));
    const store = await openTestStore();
    const neighbours: Job[] = [];
    for (let seed = 0; seed < 25; seed += 1) neighbours.push(await store.jobs.submit(newJob({ seed, parameters })));
    const poison = await store.jobs.submit(newJob({ prompt: `A ${poisonWord} for the king`, maxAttempts: 10 }));
    for (let seed = 25; seed < 50; seed += 1) neighbours.push(await store.jobs.submit(newJob({ seed, parameters })));
    const metrics = createMetrics();
    const worker = createTestWorker(store, { metrics, generator: createTestEngine({ slots: 8 }) });
    await worker.start(new AbortController().signal);
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
    const worker = createTestWorker(store, { generator: createTestEngine({ slots: 8, hangLimitMs: 1_200 }) });
    await worker.start(new AbortController().signal);
    const job = await store.jobs.submit(newJob({ parameters: longText }));
    const find = async (): Promise<Job | null> => await store.jobs.find('local', job.id);
    await expect.poll(async () => (await find())?.status, { interval: 5 }).toBe('running');
    signalEngine('SIGSTOP');
    await expect.poll(async () => (await find())?.status).toBe('succeeded');
    expect(await find()).toMatchObject({ attempt: 2, crashCount: 1 });
  });
});
