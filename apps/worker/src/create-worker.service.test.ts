import { newJob } from '@prosemill/testkit';
import { expect, it } from 'vitest';
import { createTestEngine, createTestWorker, longText, openTestStore } from './test-worker.ts';

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
