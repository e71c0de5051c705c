import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@prosemill/core';
import { createTextGenerator } from '@prosemill/engine';
import { createQueue } from '@prosemill/queue';
import { openStore } from '@prosemill/store';
import { createMetrics, noTracing } from '@prosemill/telemetry';
import { newJob, silentLogger } from '@prosemill/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { createWorker } from './create-worker.ts';
import { shippedEngine } from './test-engine.ts';

it('stops once: a second stop waits for the first, and takes nothing from its grace', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-worker-'));
  const store = openStore({ url: `sqlite:${join(folder, 'test.db')}`, logger: silentLogger });
  const queue = createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger });
  const worker = createWorker({
    store,
    receiver: queue.receiver,
    hints: queue.sender,
    wakeUps: queue.wakeUps,
    transportProblems: queue.problems,
    generator: createTextGenerator({
      ...shippedEngine(1),
      logger: silentLogger,
    }),
    logger: silentLogger,
    metrics: createMetrics(),
    tracing: noTracing,
    workerId: newId(),
    leaseMs: 30_000,
    forbiddenWords: [],
  });
  onTestFinished(async () => {
    await worker.stop(0);
    await store.stop();
    await rm(folder, { recursive: true });
  });
  await store.migrate();
  // About a second.
  const parameters = { ...newJob().parameters, maxNewTokens: 500, topK: 0, temperature: 1.3, stop: [] };
  const job = await store.jobs.submit(newJob({ parameters }));
  await worker.start(new AbortController().signal);
  const statusOf = async (): Promise<string | undefined> => (await store.jobs.find('local', job.id))?.status;
  await expect.poll(statusOf, { interval: 5 }).toBe('running');
  await Promise.all([worker.stop(60_000), worker.stop(0)]);
  expect(await statusOf()).toBe('succeeded');
});
