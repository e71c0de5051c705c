import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId, type Store } from '@prosemill/core';
import { createTextGenerator } from '@prosemill/engine';
import { createQueue } from '@prosemill/queue';
import { openStore } from '@prosemill/store';
import { createMetrics, noTracing } from '@prosemill/telemetry';
import { newJob, silentLogger } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createWorker } from './create-worker.ts';
import { createProgressWatchdog, type ProgressWatchdog } from './progress-watchdog.ts';
import { shippedEngine } from './test-engine.ts';

const openQueue = () => createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger });

describe('the progress watchdog', () => {
  let folder: string;
  let store: Store;
  let canClaim: boolean;
  let watchdog: ProgressWatchdog;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'prosemill-watchdog-'));
    store = openStore({ url: `sqlite:${join(folder, 'test.db')}`, logger: silentLogger });
    await store.migrate();
    canClaim = true;
    watchdog = createProgressWatchdog({ jobs: store.jobs, canClaim: () => canClaim, onStuck: () => undefined });
  });
  afterEach(async () => {
    await store.stop();
    await rm(folder, { recursive: true });
  });

  it('counts looks at which there is work and nothing is claimed', async () => {
    expect(await watchdog.look()).toBe(0);
    await store.jobs.submit(newJob());
    expect(await watchdog.look()).toBe(1);
    expect(await watchdog.look()).toBe(2);
  });

  it('begins anew when a claim was answered, even with nothing', async () => {
    await store.jobs.submit(newJob());
    await watchdog.look();
    watchdog.reset();
    expect(await watchdog.look()).toBe(1);
    const look = watchdog.look();
    watchdog.reset();
    expect(await look).toBe(0);
  });

  it('begins anew when nothing may be claimed', async () => {
    await store.jobs.submit(newJob());
    await watchdog.look();
    canClaim = false;
    expect(await watchdog.look()).toBe(0);
  });

  it('begins anew when the queue is paused', async () => {
    await store.jobs.submit(newJob());
    await watchdog.look();
    await store.jobs.setPaused(true);
    expect(await watchdog.look()).toBe(0);
  });

  it('begins anew when the database is away', async () => {
    await store.jobs.submit(newJob());
    await watchdog.look();
    await store.stop();
    expect(await watchdog.look()).toBe(0);
    store = openStore({ url: `sqlite:${join(folder, 'test.db')}`, logger: silentLogger });
  });

  it('ends a worker that hears of no work, and says why', async () => {
    const generator = createTextGenerator({
      ...shippedEngine(undefined),
      logger: silentLogger,
    });
    const [heard, unheard] = [openQueue(), openQueue()];
    const worker = createWorker({
      store,
      // Hints are sent to another queue than the one that this worker listens to.
      receiver: heard.receiver,
      hints: unheard.sender,
      wakeUps: heard.wakeUps,
      transportProblems: () => [],
      generator,
      logger: silentLogger,
      metrics: createMetrics(),
      tracing: noTracing,
      workerId: newId(),
      leaseMs: 30_000,
      forbiddenWords: [],
    });
    onTestFinished(async () => await worker.stop(0));
    await worker.start(new AbortController().signal);
    const job = await store.jobs.submit(newJob());
    const begin = performance.now();
    await expect(worker.failed).rejects.toThrow(
      'there is work and a free slot, but the worker has claimed nothing for 15 s',
    );
    expect(performance.now() - begin).toBeGreaterThan(14_000);
    expect(worker.isReady()).toBe(false);
    expect(generator.state.type).toBe('stopped');
    expect(await store.jobs.find('local', job.id)).toMatchObject({ status: 'queued', attempt: 0 });
  });
});
