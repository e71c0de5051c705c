import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTerminal, type Job, type Store } from '@prosemill/core';
import { createQueue } from '@prosemill/queue';
import { openStore } from '@prosemill/store';
import { createTestDatabase, newJob, silentLogger, startTcpProxy } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest';
import { JobWaiter } from './job-waiter.ts';

const never = new AbortController().signal;
/** More than any test takes. */
const timeoutMs = 60_000;

describe('waiting for a job', () => {
  let folder: string;
  let store: Store;
  let waiter: JobWaiter;
  let job: Job;
  const { wakeUps } = createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger });
  const wait = async (signal = never, limitMs = timeoutMs): Promise<Job | null> =>
    await waiter.wait({ job, until: ({ status }) => isTerminal(status), timeoutMs: limitMs, signal });
  const cancel = async (): Promise<void> => void (await store.jobs.requestCancel('local', job.id));
  const announce = (): void => wakeUps.publish({ type: 'job-changed', ids: [job.id] });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'prosemill-waiter-'));
    store = openStore({ url: `sqlite:${join(folder, 'test.db')}`, logger: silentLogger });
    await store.migrate();
    waiter = new JobWaiter({ jobs: store.jobs, wakeUps, logger: silentLogger, hasOwners: true });
    waiter.start();
    job = await store.jobs.submit(newJob());
  });
  afterEach(async () => {
    waiter.stop();
    await store.stop();
    await rm(folder, { recursive: true });
  });

  it('ends with the wake-up of its change', async () => {
    const waiting = Promise.all([wait(), wait()]);
    await cancel();
    announce();
    for (const ended of await waiting) expect(ended?.status).toBe('canceled');
  });

  it('ends although the wake-up is lost', async () => {
    const waiting = wait();
    await cancel();
    expect((await waiting)?.status).toBe('canceled');
  });

  it('misses no change that came before it began', async () => {
    await cancel();
    expect((await wait())?.status).toBe('canceled');
  });

  it('goes on after a wake-up for nothing, and ends when its time is over', async () => {
    const waiting = wait(never, 100);
    announce();
    expect((await waiting)?.status).toBe('queued');
  });

  it('ends when the client is gone', async () => {
    const client = new AbortController();
    const waiting = wait(client.signal);
    expect(waiter.count).toBe(1);
    client.abort();
    expect((await waiting)?.status).toBe('queued');
    expect(waiter.count).toBe(0);
  });

  it('asks once at a time, whoever comes and goes meanwhile', async () => {
    let calls = 0;
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    const versions: typeof store.jobs.versions = async (ids) => {
      calls += 1;
      asked.resolve();
      await answer.promise;
      return await store.jobs.versions(ids);
    };
    waiter = new JobWaiter({ jobs: { ...store.jobs, versions }, wakeUps, logger: silentLogger, hasOwners: true });
    onTestFinished(() => waiter.stop());
    const client = new AbortController();
    const first = wait(client.signal);
    await asked.promise;
    client.abort();
    await first;
    // Longer than the poll's interval.
    await wait(never, 1_200);
    expect(calls).toBe(1);
    answer.resolve();
  });

  const fill = (signal: AbortSignal) => Array.from({ length: 1_000 }, async () => await wait(signal));

  it('of an owner who waits for 1,000 is over at once, and of another is not', async () => {
    const clients = new AbortController();
    const waiting = fill(clients.signal);
    expect(await wait()).toBe(job);
    const other = await store.jobs.submit(newJob({ ownerId: 'other' }));
    const others = waiter.wait({ job: other, until: ({ status }) => isTerminal(status), timeoutMs, signal: never });
    expect(waiter.count).toBe(1_001);
    clients.abort();
    await Promise.all(waiting);
    const next = wait();
    expect(waiter.count).toBe(2);
    waiter.stop();
    await Promise.all([others, next]);
  });

  it('is not bounded where there are no owners', async () => {
    waiter = new JobWaiter({ jobs: store.jobs, wakeUps, logger: silentLogger, hasOwners: false });
    const waiting = [...fill(never), wait()];
    expect(waiter.count).toBe(1_001);
    waiter.stop();
    await Promise.all(waiting);
  });

  it('ends for everybody when the process stops, and later at once', async () => {
    const waiting = Promise.all([wait(), wait()]);
    waiter.stop();
    for (const ended of await waiting) expect(ended?.status).toBe('queued');
    expect((await wait())?.status).toBe('queued');
  });
});

/** Far less than a statement gets, and more than a wait of a tenth of a second takes. */
const soonMs = 3_000;

/** A waiter in the middle of a read. */
async function hang(limitMs: number, signal = never) {
  const { url, drop } = await createTestDatabase(inject('postgresUrl'));
  const proxy = await startTcpProxy(url);
  const store = openStore({ url: proxy.url, logger: silentLogger });
  const { wakeUps } = createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger });
  const waiter = new JobWaiter({ jobs: store.jobs, wakeUps, logger: silentLogger, hasOwners: false });
  onTestFinished(async () => {
    waiter.stop();
    await proxy.stop();
    await store.stop();
    await drop();
  });
  await store.migrate();
  const job = await store.jobs.submit(newJob());
  proxy.blackHole();
  const begin = performance.now();
  const waiting = waiter.wait({ job, until: ({ status }) => isTerminal(status), timeoutMs: limitMs, signal });
  return {
    waiter,
    expectSoonOver: async () => {
      expect((await waiting)?.id).toBe(job.id);
      expect(waiter.count).toBe(0);
      expect(performance.now() - begin).toBeLessThan(soonMs);
    },
  };
}

describe('waiting for a job whose database hangs in the middle of a read', () => {
  it('ends when its time is over', async () => {
    const { expectSoonOver } = await hang(100);
    await expectSoonOver();
  });

  it('ends when the client is gone', async () => {
    const client = new AbortController();
    const { expectSoonOver } = await hang(timeoutMs, client.signal);
    client.abort();
    await expectSoonOver();
  });

  it('ends when the process stops', async () => {
    const { waiter, expectSoonOver } = await hang(timeoutMs);
    waiter.stop();
    await expectSoonOver();
  });
});
