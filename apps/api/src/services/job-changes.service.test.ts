import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Job, type JobStore, type NewJob, newId, type Store, type WakeUps } from '@prosemill/core';
import { createQueue } from '@prosemill/queue';
import { openStore } from '@prosemill/store';
import { describeServiceConformance, gateCalls, newJob, silentLogger } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endNext, testModel } from '../test-api.ts';
import { type ChangedJobs, JobChanges } from './job-changes.ts';

const never = new AbortController().signal;

async function openTestStore() {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-changes-'));
  const store = openStore({ url: `sqlite:${join(folder, 'test.db')}`, logger: silentLogger });
  await store.migrate();
  const { wakeUps } = createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger });
  const close = async (): Promise<void> => {
    await store.stop();
    await rm(folder, { recursive: true });
  };
  return { store, wakeUps, close };
}

/** Reads changes until this many jobs have changed. @returns the status of each in order */
async function next(watch: AsyncGenerator<ChangedJobs, void>, count = 1): Promise<readonly string[]> {
  const statuses: string[] = [];
  while (statuses.length < count) {
    const { value } = await watch.next();
    if (value === undefined) throw new Error('The watch has ended.');
    statuses.push(...value.jobs.map(({ status }) => status));
  }
  return statuses;
}

describe('the changes of an owner’s jobs', () => {
  let store: Store;
  let wakeUps: WakeUps;
  let close: () => Promise<void>;
  let changes: JobChanges;
  let readAt: number[];

  beforeEach(async () => {
    ({ store, wakeUps, close } = await openTestStore());
    open();
  });
  afterEach(async () => {
    await changes.stop();
    await close();
  });

  function open(part: Pick<JobStore, 'listRecent'> = store.jobs): void {
    readAt = [];
    const jobs = {
      async listRecent(query: Parameters<JobStore['listRecent']>[0]) {
        readAt.push(performance.now());
        return await part.listRecent(query);
      },
    };
    changes = new JobChanges({ jobs, wakeUps, logger: silentLogger });
    changes.start();
  }

  const submit = async (overrides: Partial<NewJob> = {}): Promise<Job> => await store.jobs.submit(newJob(overrides));
  const claim = async (): Promise<Job | undefined> =>
    (await store.jobs.claim({ workerId: 'w', model: testModel, leaseMs: 30_000, fromClass: 0 }))?.job;
  const announce = (): void => wakeUps.publish({ type: 'job-changed', ids: [newId()] });

  it('begin with the jobs of the last moment, and go on with each transition', async () => {
    const job = await submit();
    const watch = changes.watch('local', never);
    expect((await watch.next()).value).toEqual({
      jobs: [expect.objectContaining({ id: job.id, status: 'queued', version: 1 })],
      hasMore: false,
    });
    await claim();
    announce();
    expect(await next(watch)).toEqual(['running']);
    await store.jobs.requestCancel('local', job.id);
    announce();
    expect(await next(watch)).toEqual(['running']);
    await store.jobs.complete({ id: job.id, attempt: 1 }, { type: 'canceled', partial: null });
    announce();
    expect(await next(watch)).toEqual(['canceled']);
  });

  it('are found without wake-ups too, new jobs and returns to the queue included', async () => {
    const watch = changes.watch('local', never);
    const first = next(watch, 2);
    const job = await submit();
    await submit();
    expect(await first).toEqual(['queued', 'queued']);
    await claim();
    expect(await next(watch)).toEqual(['running']);
    await store.jobs.complete({ id: job.id, attempt: 1 }, { type: 'released' });
    expect(await next(watch)).toEqual(['queued']);
  });

  it('are those of the owner alone, without verifications', async () => {
    const [own, foreign] = [changes.watch('local', never), changes.watch('other', never)];
    const read = Promise.all([next(own), next(foreign)]);
    await submit({ verifyOf: newId() });
    await submit({ ownerId: 'other', priorityClass: 0 });
    await endNext(store);
    await submit();
    expect(await read).toEqual([['queued'], ['succeeded']]);
  });

  it('are read every two seconds for all watchers together while jobs change, and not at all without one', async () => {
    await submit();
    announce();
    await new Promise(setImmediate);
    expect(readAt).toEqual([]);
    const watches = Array.from({ length: 20 }, () => changes.watch('local', never));
    const first = await Promise.all(watches.map(async (watch) => (await watch.next()).value));
    // One object for all, so that it is serialized once.
    expect(new Set(first).size).toBe(1);
    const second = Promise.all(watches.map(async (watch) => await next(watch)));
    await submit();
    for (let times = 0; times < 10; times += 1) announce();
    await second;
    const [firstAt = 0, secondAt = 0, ...others] = readAt;
    expect(secondAt - firstAt).toBeGreaterThan(1_990);
    expect(others).toEqual([]);
  });

  it('that are too many to tell make the reader read its list again', async () => {
    await changes.stop();
    const many = Array.from({ length: 1_000 }, () => ({
      id: newId(),
      ownerId: 'local',
      status: 'queued' as const,
      version: 1,
    }));
    open({ listRecent: async () => many });
    const { value } = await changes.watch('local', never).next();
    expect([value?.jobs.length, value?.hasMore]).toEqual([1_000, true]);
  });

  it('end with an abort and with the stop of the process', async () => {
    const left = new AbortController();
    const watches = [changes.watch('local', left.signal), changes.watch('local', never)] as const;
    const ends = watches.map(async (watch) => await watch.next());
    left.abort();
    expect((await ends[0])?.done).toBe(true);
    await changes.stop();
    expect((await ends[1])?.done).toBe(true);
    expect((await changes.watch('local', never).next()).done).toBe(true);
  });
});

describeServiceConformance('the changes of jobs', async () => {
  const { store, wakeUps, close } = await openTestStore();
  const calls = gateCalls(store.jobs);
  const service = new JobChanges({ jobs: calls.part, wakeUps, logger: silentLogger });
  // Without a watcher nothing is read.
  void service.watch('local', never).next();
  return { service, calls, close };
});
