import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTerminal, type Job, newId, type Store } from '@prosemill/core';
import { createQueue } from '@prosemill/queue';
import { openStore } from '@prosemill/store';
import { silentLogger } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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
    waiter = new JobWaiter({ jobs: store.jobs, wakeUps, logger: silentLogger });
    waiter.start();
    const parameters = {
      maxLength: null,
      maxNewTokens: 1,
      temperature: 1,
      topK: 50,
      topP: 1,
      repetitionPenalty: 1,
      stop: [],
    };
    job = await store.jobs.submit({
      id: newId(),
      ownerId: 'local',
      priorityClass: 1,
      prompt: 'a',
      parameters,
      seed: 1,
      maxAttempts: 3,
      deadlineMs: null,
    });
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

  it('ends for everybody when the process stops, and later at once', async () => {
    const waiting = Promise.all([wait(), wait()]);
    waiter.stop();
    for (const ended of await waiting) expect(ended?.status).toBe('queued');
    expect((await wait())?.status).toBe('queued');
  });
});
