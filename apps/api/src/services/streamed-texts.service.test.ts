import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AppError,
  type Hint,
  type Job,
  type Store,
  type TextCursor,
  type TextStore,
  type WakeUp,
} from '@prosemill/core';
import { createQueue } from '@prosemill/queue';
import { openStore } from '@prosemill/store';
import { describeServiceConformance, gateCalls, newJob, silentLogger } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestWorker } from '../test-streams.ts';
import { JobFeed } from './job-feed.ts';
import { StreamedTexts } from './streamed-texts.ts';
import { createWatchText, type TextChange, type WatchText } from './watch-text.ts';

const never = new AbortController().signal;
const silent = { publish: () => undefined };

async function nextText(changes: AsyncGenerator<TextChange, void>): Promise<string> {
  for (;;) {
    const { value } = await changes.next();
    if (value?.type === 'text') return value.text;
    if (value === undefined || value.type === 'ended') throw new Error('The text ended.');
  }
}

describe('the texts of streamed jobs', () => {
  let folder: string;
  let store: Store;
  let job: Job;
  let feed: JobFeed;
  let streamedTexts: StreamedTexts;
  let watchText: WatchText;
  let isDeaf: boolean;
  let reads: (readonly TextCursor[])[];
  let published: WakeUp[];
  let hints: Hint[];
  const { wakeUps } = createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger });

  function open(changes: Partial<TextStore> = {}): void {
    const texts: TextStore = {
      ...store.texts,
      read: async (cursors) => {
        reads.push(cursors);
        return await store.texts.read(cursors);
      },
      ...changes,
    };
    const { jobs } = store;
    feed = new JobFeed({ jobs, wakeUps, logger: silentLogger, maxPerOwner: Number.POSITIVE_INFINITY });
    streamedTexts = new StreamedTexts({
      texts,
      wakeUps: {
        subscribe: (listener) => wakeUps.subscribe(listener),
        publish: (wakeUp) => void published.push(wakeUp),
        isDeaf: () => isDeaf,
      },
      hints: { send: async (sent) => void hints.push(...sent) },
      logger: silentLogger,
      countRead: () => undefined,
    });
    watchText = createWatchText({ feed, streamedTexts });
    feed.start();
    streamedTexts.start();
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'prosemill-texts-'));
    store = openStore({ url: `sqlite:${join(folder, 'test.db')}`, logger: silentLogger });
    await store.migrate();
    job = await store.jobs.submit(newJob({ isWatched: true }));
    [isDeaf, reads, published, hints] = [false, [], [], []];
  });
  afterEach(async () => {
    await Promise.all([streamedTexts.stop(), feed.stop()]);
    await store.stop();
    await rm(folder, { recursive: true });
  });

  const runningJob = async (): Promise<Job> => (await store.jobs.find('local', job.id)) ?? job;

  it('arrive although wake-ups are lost, and soon while all are', async () => {
    open();
    const worker = await TestWorker.claim(store, silent);
    const changes = watchText({ job: await runningJob(), signal: never });
    for (const [part, deaf, limitMs] of [
      ['a', false, 5_000],
      ['b', true, 5_000],
    ] as const) {
      isDeaf = deaf;
      const begin = performance.now();
      await worker.write(part);
      expect(await nextText(changes)).toBe(part);
      expect(performance.now() - begin).toBeLessThan(limitMs);
    }
    await worker.succeed('c');
    expect(await nextText(changes)).toBe('c');
    expect((await changes.next()).value).toMatchObject({ type: 'ended', job: { status: 'succeeded' } });
    expect((await changes.next()).done).toBe(true);
    expect(feed.count).toBe(0);
  });

  it('arrive although a read ends between the last step of a stream and its pause', async () => {
    open();
    const worker = await TestWorker.claim(store, wakeUps);
    const streamed = streamedTexts.join(await runningJob());
    for (const grow of [
      () => Object.assign(streamed.text, { text: 'ab', length: 2, tokens: 2 }),
      () => (streamed.text = { attempt: 2, text: 'abc', length: 3, tokens: 3 }),
    ]) {
      const changes = watchText({ job: await runningJob(), signal: never });
      if (worker.text === '') await worker.write('a');
      const before = await nextText(changes);
      const next = nextText(changes);
      grow();
      for (const pause of streamed.pauses) pause.resolve();
      expect(before + (await next)).toBe(streamed.text.text);
      await changes.return();
    }
  });

  it('are asked for again while the worker of a running job writes none', async () => {
    open();
    const worker = await TestWorker.claim(store, silent);
    const changes = watchText({ job: await runningJob(), signal: never });
    const next = nextText(changes);
    await expect.poll(() => published.length, { timeout: 5_000 }).toBeGreaterThanOrEqual(2);
    expect(published).toContainEqual({ type: 'job-watch', ids: [job.id] });
    await worker.write('a');
    await next;
    await changes.return();
    expect(feed.count).toBe(0);
  });

  it('are read for the streams that ask, from where each text ends, in one query', async () => {
    open();
    const other = await store.jobs.submit(newJob({ isWatched: true }));
    const workers = [await TestWorker.claim(store, wakeUps), await TestWorker.claim(store, wakeUps)];
    const streams = [await runningJob(), other].map((each) => watchText({ job: each, signal: never }));
    for (const worker of workers) await worker.write('a🦊');
    await Promise.all(streams.map(nextText));
    // One of them does not ask for more.
    const [asking, idle] = streams;
    for (const worker of workers) await worker.write('b');
    expect(await nextText(asking as AsyncGenerator<TextChange, void>)).toBe('b');
    const later = reads.filter((cursors) => cursors.some(({ offset }) => offset > 0));
    expect(later.flat().map(({ id, offset }) => [id, offset])).toEqual([[job.id, 2]]);
    expect(await nextText(idle as AsyncGenerator<TextChange, void>)).toBe('b');
    await Promise.all(streams.map(async (stream) => await stream.return()));
  });

  it('are marked with their first stream, with a permit for a job that a claim may have skipped', async () => {
    open();
    const unwatched = await store.jobs.submit(newJob());
    const changes = watchText({ job: unwatched, signal: never });
    void changes.next();
    await expect.poll(async () => (await store.jobs.find('local', unwatched.id))?.isWatched).toBe(true);
    await expect.poll(() => hints.length).toBe(1);
    expect(published).toEqual([{ type: 'job-watch', ids: [unwatched.id] }]);
    await feed.stop();
  });

  it('are marked and read after an outage', async () => {
    let outages = 3;
    const duringOutage = <Answer>(answer: () => Promise<Answer>): Promise<Answer> => {
      outages -= 1;
      return outages < 0 ? answer() : Promise.reject(new AppError('database_unavailable'));
    };
    open({
      read: async (cursors) => await duringOutage(async () => await store.texts.read(cursors)),
      watch: async (ids) => await duringOutage(async () => await store.texts.watch(ids)),
    });
    const unwatched = await store.jobs.submit(newJob());
    const changes = watchText({ job: unwatched, signal: never });
    const next = nextText(changes);
    await expect.poll(() => outages, { timeout: 10_000 }).toBeLessThan(0);
    await TestWorker.claim(store, wakeUps);
    const worker = await TestWorker.claim(store, wakeUps);
    await expect
      .poll(async () => (await store.jobs.find('local', unwatched.id))?.isWatched, { timeout: 5_000 })
      .toBe(true);
    await worker.write('a');
    expect(await next).toBe('a');
    await feed.stop();
  });

  it('end with the error of a read that fails for good', async () => {
    const broken = new Error('the rows cannot be read');
    open({ read: async () => await Promise.reject(broken) });
    const changes = watchText({ job, signal: never });
    await expect(nextText(changes)).rejects.toBe(broken);
    expect(feed.count).toBe(0);
  });

  it('end when the reader leaves, and when the process stops', async () => {
    open();
    const reader = new AbortController();
    const [left, stopped] = [reader.signal, never].map((signal) => watchText({ job, signal }));
    const ends = [left?.next(), stopped?.next()];
    await expect.poll(() => feed.count).toBe(2);
    reader.abort();
    expect((await ends[0])?.done).toBe(true);
    await expect.poll(() => feed.count).toBe(1);
    void feed.stop();
    expect((await ends[1])?.done).toBe(true);
    await expect.poll(() => feed.count).toBe(0);
  });
});

describeServiceConformance('the texts of streamed jobs', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-texts-'));
  const store = openStore({ url: `sqlite:${join(folder, 'test.db')}`, logger: silentLogger });
  await store.migrate();
  const { wakeUps, sender } = createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger });
  const calls = gateCalls({ read: async (cursors: readonly TextCursor[]) => await store.texts.read(cursors) });
  const texts = { ...store.texts, ...calls.part };
  const options = { texts, wakeUps, hints: sender, logger: silentLogger, countRead: () => undefined };
  const service = new StreamedTexts(options);
  // Without a stream of a running job that asks, nothing is read.
  const { id } = await store.jobs.submit(newJob({ isWatched: true }));
  await TestWorker.claim(store, silent);
  const job = await store.jobs.find('local', id);
  if (job === null) throw new Error('The job is gone.');
  const streamed = service.join(job);
  void service.untilMore(streamed, Promise.withResolvers<void>());
  return {
    service,
    calls,
    async close() {
      await store.stop();
      await rm(folder, { recursive: true });
    },
  };
});
