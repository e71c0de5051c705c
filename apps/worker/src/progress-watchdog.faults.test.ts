import type { Store } from '@prosemill/core';
import { newJob } from '@prosemill/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import { createProgressWatchdog, type ProgressWatchdog } from './progress-watchdog.ts';
import { createTestEngine, createTestQueue, createTestWorker, openTestStore } from './test-worker.ts';

describe('the progress watchdog', () => {
  let store: Store;
  let canClaim: boolean;
  let watchdog: ProgressWatchdog;

  beforeEach(async () => {
    store = await openTestStore();
    canClaim = true;
    watchdog = createProgressWatchdog({
      jobs: store.jobs,
      generator: { model: null },
      canClaim: () => canClaim,
      onStuck: () => undefined,
    });
  });

  it('counts looks with claimable work and no claim', async () => {
    expect(await watchdog.look()).toBe(0);
    await store.jobs.submit(newJob());
    expect(await watchdog.look()).toBe(1);
    expect(await watchdog.look()).toBe(2);
  });

  it('counts no look at jobs that only another model may run', async () => {
    await store.jobs.submit(newJob({ requiredFingerprint: 'another' }));
    expect(await watchdog.look()).toBe(0);
  });

  it('restarts its count when a claim is answered, even with no job', async () => {
    await store.jobs.submit(newJob());
    await watchdog.look();
    watchdog.reset();
    expect(await watchdog.look()).toBe(1);
    const look = watchdog.look();
    watchdog.reset();
    expect(await look).toBe(0);
  });

  it('restarts its count when nothing may be claimed', async () => {
    await store.jobs.submit(newJob());
    await watchdog.look();
    canClaim = false;
    expect(await watchdog.look()).toBe(0);
  });

  it('restarts its count when the queue is paused', async () => {
    await store.jobs.submit(newJob());
    await watchdog.look();
    await store.jobs.pause({ ownerId: 'local', key: null });
    expect(await watchdog.look()).toBe(0);
  });

  it('restarts its count when the database is away', async () => {
    await store.jobs.submit(newJob());
    await watchdog.look();
    await store.stop();
    expect(await watchdog.look()).toBe(0);
  });

  it('ends a worker that gets no permits, with the reason', async () => {
    const generator = createTestEngine();
    // The worker listens to another queue than this one.
    const worker = createTestWorker(store, { generator, hints: createTestQueue().sender });
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
