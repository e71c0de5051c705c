import { newJob } from '@prosemill/testkit';
import { expect, it } from 'vitest';
import { createTestEngine, createTestQueue, createTestWorker, longText, openTestStore } from './test-worker.ts';

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
