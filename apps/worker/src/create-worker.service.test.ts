import { createQueue } from '@prosemill/queue';
import { createTestDatabase, newJob, silentLogger } from '@prosemill/testkit';
import { expect, inject, it, onTestFinished } from 'vitest';
import {
  createDatabaseUrl,
  createTestEngine,
  createTestQueue,
  createTestWorker,
  longText,
  openTestStore,
} from './test-worker.ts';

it('stops once: a second stop waits for the first, and does not shorten its grace', async () => {
  const store = await openTestStore();
  const worker = createTestWorker(store, { generator: createTestEngine({ slots: 1 }) });
  const job = await store.jobs.submit(newJob({ parameters: longText }));
  await worker.start(new AbortController().signal);
  const statusOf = async (): Promise<string | undefined> => (await store.jobs.find('local', job.id))?.status;
  await expect.poll(statusOf, { interval: 5 }).toBe('running');
  await Promise.all([worker.stop(60_000), worker.stop(0)]);
  expect(await statusOf()).toBe('succeeded');
});

it('reports what is in its slots when a wake-up says that somebody looks', async () => {
  const store = await openTestStore();
  const { wakeUps, receiver, sender } = createTestQueue();
  const worker = createTestWorker(store, {
    generator: createTestEngine({ slots: 1 }),
    wakeUps,
    receiver,
    hints: sender,
  });
  await worker.start(new AbortController().signal);
  const job = await store.jobs.submit(newJob({ parameters: longText }));
  await sender.send([{ id: job.id, epoch: 0 }]);
  await expect.poll(async () => (await store.jobs.find('local', job.id))?.status, { interval: 5 }).toBe('running');
  wakeUps.publish({ type: 'worker-look', ids: await store.workers.look() });
  const slots = async () => (await store.workers.listLive(60_000))[0]?.activity?.slots;
  await expect.poll(slots, { interval: 5 }).toEqual([expect.objectContaining({ jobId: job.id, ownerId: 'local' })]);
  await worker.stop(0);
});

it('writes the text of a running job when a wake-up says that somebody reads it, and nothing after its end', async () => {
  const store = await openTestStore();
  const { wakeUps, receiver, sender } = createTestQueue();
  const worker = createTestWorker(store, {
    generator: createTestEngine({ slots: 1 }),
    wakeUps,
    receiver,
    hints: sender,
  });
  const { id } = await store.jobs.submit(newJob({ parameters: longText }));
  await worker.start(new AbortController().signal);
  const read = async () => await store.texts.read([{ id, attempt: 0, offset: 0 }]);
  await expect.poll(async () => (await store.jobs.find('local', id))?.status, { interval: 5 }).toBe('running');
  expect(await read()).toEqual([]);
  const appended = new Promise<void>((resolve) => {
    wakeUps.subscribe(({ type, ids }) => {
      if (type === 'job-text' && ids.includes(id)) resolve();
    });
  });
  await store.texts.watch([id]);
  wakeUps.publish({ type: 'job-watch', ids: [id] });
  await appended;
  expect(await read()).toMatchObject([{ id, attempt: 1, offset: 0 }]);
  await worker.stop(60_000);
  expect(await read()).toEqual([]);
});

async function createPostgresUrl(): Promise<string> {
  const { url, drop } = await createTestDatabase(inject('postgresUrl'));
  onTestFinished(drop);
  return url;
}

it.each([
  ['SQLite', createDatabaseUrl],
  ['Postgres', createPostgresUrl],
])('makes about one claim for each job while it has free slots, on %s', async (name, createUrl) => {
  const url = await createUrl();
  const store = await openTestStore(url);
  const openQueue = () => {
    const queue = createQueue({ databaseUrl: url, redisUrl: undefined, logger: silentLogger });
    onTestFinished(async () => await queue.stop());
    return queue;
  };
  const { receiver, sender } = openQueue();
  let claims = 0;
  const claim: typeof store.jobs.claim = async (options) => {
    claims += 1;
    return await store.jobs.claim(options);
  };
  const worker = createTestWorker(
    { ...store, jobs: { ...store.jobs, claim } },
    { generator: createTestEngine({ slots: 4 }), receiver, hints: sender },
  );
  await worker.start(new AbortController().signal);
  // The API is another process: only its notification wakes the worker.
  const api = name === 'Postgres' ? openQueue() : { sender };
  const runMany = async (): Promise<void> => {
    for (let jobs = 0; jobs < 25; jobs += 1) {
      const { id } = await store.jobs.submit(newJob());
      await api.sender.send([{ id, epoch: 0 }]);
      await expect.poll(async () => (await store.jobs.find('local', id))?.status, { interval: 5 }).toBe('succeeded');
    }
  };
  await Promise.all([runMany(), runMany()]);
  await worker.stop(60_000);
  // Each of the four slots looks when the worker starts, and when LISTEN begins.
  expect(claims).toBeLessThan(70);
});
