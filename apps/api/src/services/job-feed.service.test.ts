import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTerminal, type Job, type JobStore, type Store } from '@prosemill/core';
import { createQueue } from '@prosemill/queue';
import { openStore } from '@prosemill/store';
import {
  createTestDatabase,
  describeServiceConformance,
  gateCalls,
  newJob,
  silentLogger,
  startTcpProxy,
} from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest';
import { JobFeed, maxWatchersPerOwner } from './job-feed.ts';

const never = new AbortController().signal;
/** Longer than any test. */
const timeoutMs = 60_000;
const isOver = ({ status }: Job): boolean => isTerminal(status);
const model = { name: 'm', revision: '1', engine: 'e', dtype: 'fp32', fingerprint: 'f' };

describe('the feed of job changes', () => {
  let folder: string;
  let store: Store;
  let feed: JobFeed;
  let job: Job;
  let reads: number;
  const { wakeUps } = createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger });

  function openFeed(jobs: Partial<JobStore> = {}, maxPerOwner = maxWatchersPerOwner): void {
    feed = new JobFeed({ jobs: { ...store.jobs, ...jobs }, wakeUps, logger: silentLogger, maxPerOwner });
    feed.start();
  }

  const claim = async (): Promise<unknown> =>
    await store.jobs.claim({ workerId: 'w', model, leaseMs: 30_000, fromClass: 0 });
  const cancel = async (): Promise<unknown> => await store.jobs.requestCancel('local', job.id);
  const announce = (): void => wakeUps.publish({ type: 'job-changed', ids: [job.id] });
  const wait = async (signal = never, limitMs = timeoutMs): Promise<Job | null> =>
    await feed.wait({ job, until: isOver, timeoutMs: limitMs, signal });

  const fill = (signal: AbortSignal) => Array.from({ length: maxWatchersPerOwner }, async () => await wait(signal));

  /** Only wake-ups announce changes, and reads are counted. */
  function openWithoutPoll(): void {
    void feed.stop();
    openFeed({
      find: async (ownerId, id) => {
        reads += 1;
        return await store.jobs.find(ownerId, id);
      },
      versions: async () => await new Promise(() => undefined),
    });
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'prosemill-feed-'));
    store = openStore({ url: `sqlite:${join(folder, 'test.db')}`, logger: silentLogger });
    await store.migrate();
    job = await store.jobs.submit(newJob());
    reads = 0;
    openFeed();
  });
  afterEach(async () => {
    // Not awaited: the polls of some tests hang.
    void feed.stop();
    await store.stop();
    await rm(folder, { recursive: true });
  });

  describe('while a job is watched', () => {
    it('shares each read among its watchers', async () => {
      openWithoutPoll();
      const watchers = [feed.watch(job, never), feed.watch(job, never), feed.watch(job, never)];
      for (const change of [claim, cancel]) {
        const changes = watchers.map(async (watcher) => (await watcher.next()).value);
        // The reads of the beginning: one under way when the other two watchers came, and one for both.
        await expect.poll(() => reads).toBeGreaterThanOrEqual(2);
        const before = reads;
        await change();
        announce();
        const [first, ...others] = await Promise.all(changes);
        expect(first).toBeTruthy();
        for (const other of others) expect(other).toBe(first);
        expect(reads).toBe(before + 1);
      }
    });

    it('gives a slow watcher only the newest row, and reads nothing for it meanwhile', async () => {
      openWithoutPoll();
      const watcher = feed.watch(job, never);
      const first = watcher.next();
      await claim();
      announce();
      expect((await first).value).toMatchObject({ status: 'running', cancelRequestedAt: null });
      // Heard after the announcements.
      const heard = Promise.withResolvers<void>();
      const before = reads;
      const unsubscribe = wakeUps.subscribe(({ ids }) => {
        if (ids.includes('the last')) heard.resolve();
      });
      await cancel();
      for (let changes = 0; changes < 100; changes += 1) announce();
      wakeUps.publish({ type: 'job-changed', ids: ['the last'] });
      await heard.promise;
      unsubscribe();
      expect(reads).toBe(before);
      expect((await watcher.next()).value).toMatchObject({ cancelRequestedAt: expect.any(Date) as Date });
      expect(reads).toBe(before + 1);
      await watcher.return();
    });

    it('counts what is held as watchers, until it is let go', async () => {
      void feed.stop();
      openFeed({}, 2);
      const [letGo] = [feed.hold('local'), feed.hold('local'), feed.hold('other')];
      expect([feed.hasRoom('local'), feed.hasRoom('other'), feed.count]).toEqual([false, true, 3]);
      expect((await feed.watch(job, never).next()).done).toBe(true);
      letGo?.();
      expect([feed.hasRoom('local'), feed.hasRoom('local', 2), feed.count]).toEqual([true, false, 2]);
    });

    it('yields null and ends when the job is gone', async () => {
      void feed.stop();
      openFeed({ find: async () => null });
      const watcher = feed.watch(job, never);
      expect(await watcher.next()).toEqual({ value: null, done: false });
      expect(await watcher.next()).toEqual({ value: undefined, done: true });
    });

    it('tells its watchers of an error that is not an outage', async () => {
      void feed.stop();
      const broken = new Error('the row cannot be read');
      openFeed({ find: async () => await Promise.reject(broken) });
      const waiting = await Promise.allSettled([wait(), wait()]);
      expect(waiting.map((each) => (each.status === 'rejected' ? each.reason : null))).toEqual([broken, broken]);
      expect(feed.count).toBe(0);
    });

    it('ends the iteration on an abort', async () => {
      const client = new AbortController();
      const next = feed.watch(job, client.signal).next();
      expect(feed.count).toBe(1);
      client.abort();
      expect((await next).done).toBe(true);
      expect(feed.count).toBe(0);
    });

    it('ends every iteration when the process stops, and those that begin later', async () => {
      const other = await store.jobs.submit(newJob());
      const iterations = [feed.watch(job, never), feed.watch(job, never), feed.watch(other, never)];
      const ends = iterations.map(async (iteration) => (await iteration.next()).done);
      void feed.stop();
      expect(await Promise.all(ends)).toEqual([true, true, true]);
      expect((await feed.watch(job, never).next()).done).toBe(true);
      expect(feed.count).toBe(0);
    });
  });

  it('reads nothing while nobody watches, however many jobs change', async () => {
    void feed.stop();
    const read = async (): Promise<never> => await Promise.reject(new Error(`read ${(reads += 1)}`));
    openFeed({ find: read, versions: read });
    const unwatched = feed;
    onTestFinished(() => unwatched.stop());
    unwatched.watch(job, never);
    await cancel();
    announce();
    // Another feed waits for longer than the interval of the poll.
    openFeed();
    await feed.wait({ job: await store.jobs.submit(newJob()), until: isOver, timeoutMs: 1_200, signal: never });
    expect(reads).toBe(0);
  });

  describe('in a wait', () => {
    it('ends it with the wake-up of its change', async () => {
      const waiting = Promise.all([wait(), wait()]);
      await cancel();
      announce();
      for (const ended of await waiting) expect(ended?.status).toBe('canceled');
    });

    it('ends it although the wake-up is lost', async () => {
      const waiting = wait();
      await cancel();
      expect((await waiting)?.status).toBe('canceled');
    });

    it('misses no change before its beginning', async () => {
      await cancel();
      expect((await wait())?.status).toBe('canceled');
    });

    it('goes on after a wake-up without a change, and ends when its time is over', async () => {
      const waiting = wait(never, 100);
      announce();
      expect((await waiting)?.status).toBe('queued');
    });

    it('ends it when the client is gone', async () => {
      const client = new AbortController();
      const waiting = wait(client.signal);
      expect(feed.count).toBe(1);
      client.abort();
      expect((await waiting)?.status).toBe('queued');
      expect(feed.count).toBe(0);
    });

    it('ends it for everybody when the process stops, and later ones at once', async () => {
      const waiting = Promise.all([wait(), wait()]);
      void feed.stop();
      for (const ended of await waiting) expect(ended?.status).toBe('queued');
      expect((await wait())?.status).toBe('queued');
    });

    it('runs one poll at a time, however many watchers come and go', async () => {
      void feed.stop();
      let polls = 0;
      const asked = Promise.withResolvers<void>();
      const answer = Promise.withResolvers<void>();
      openFeed({
        versions: async (ids) => {
          polls += 1;
          asked.resolve();
          await answer.promise;
          return await store.jobs.versions(ids);
        },
      });
      const client = new AbortController();
      const first = wait(client.signal);
      await asked.promise;
      client.abort();
      await first;
      // Longer than the poll's interval.
      await wait(never, 1_200);
      expect(polls).toBe(1);
      answer.resolve();
    });

    it('does not wait for an owner with 1,000 watchers, and does for another', async () => {
      const clients = new AbortController();
      const waiting = fill(clients.signal);
      expect(await wait()).toBe(job);
      const other = await store.jobs.submit(newJob({ ownerId: 'other' }));
      const others = feed.wait({ job: other, until: isOver, timeoutMs, signal: never });
      expect(feed.count).toBe(1_001);
      clients.abort();
      await Promise.all(waiting);
      const next = wait();
      expect(feed.count).toBe(2);
      void feed.stop();
      await Promise.all([others, next]);
    });

    it('has no bound of watchers without owners', async () => {
      void feed.stop();
      openFeed({}, Number.POSITIVE_INFINITY);
      const waiting = [...fill(never), wait()];
      expect(feed.count).toBe(1_001);
      void feed.stop();
      await Promise.all(waiting);
    });
  });
});

/** Far less than the time limit of a statement, and more than a wait of a tenth of a second. */
const soonMs = 3_000;

/** A wait in the middle of a read. */
async function hang(limitMs: number, signal = never) {
  const { url, drop } = await createTestDatabase(inject('postgresUrl'));
  const proxy = await startTcpProxy(url);
  const store = openStore({ url: proxy.url, logger: silentLogger });
  const { wakeUps } = createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger });
  const feed = new JobFeed({ jobs: store.jobs, wakeUps, logger: silentLogger, maxPerOwner: maxWatchersPerOwner });
  onTestFinished(async () => {
    void feed.stop();
    await proxy.stop();
    await store.stop();
    await drop();
  });
  await store.migrate();
  const job = await store.jobs.submit(newJob());
  proxy.blackHole();
  const begin = performance.now();
  const waiting = feed.wait({ job, until: isOver, timeoutMs: limitMs, signal });
  return {
    feed,
    expectSoonOver: async () => {
      expect((await waiting)?.id).toBe(job.id);
      expect(feed.count).toBe(0);
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
    const { feed, expectSoonOver } = await hang(timeoutMs);
    void feed.stop();
    await expectSoonOver();
  });
});

describeServiceConformance('the feed of the jobs', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-feed-'));
  const store = openStore({ url: `sqlite:${join(folder, 'test.db')}`, logger: silentLogger });
  await store.migrate();
  const { wakeUps } = createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger });
  const calls = gateCalls({ versions: async (ids: readonly string[]) => await store.jobs.versions(ids) });
  const jobs = { ...store.jobs, ...calls.part };
  const service = new JobFeed({ jobs, wakeUps, logger: silentLogger, maxPerOwner: maxWatchersPerOwner });
  // Without a watcher nothing is read.
  void service.watch(await store.jobs.submit(newJob()), never).next();
  return {
    service,
    calls,
    async close() {
      await store.stop();
      await rm(folder, { recursive: true });
    },
  };
});
