import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@prosemill/store';
import { newJob, silentLogger } from '@prosemill/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { findPlace, findPlacePromptly, findPlaces } from './queue-places.ts';

it('a place is exact below 1,000, and rounded above, or null for an urgent answer', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-places-'));
  const store = openStore({ url: `sqlite:${join(folder, 'test.db')}`, logger: silentLogger });
  onTestFinished(async () => {
    await store.stop();
    await rm(folder, { recursive: true });
  });
  await store.migrate();
  const jobs = await Promise.all(Array.from({ length: 1_600 }, async () => await store.jobs.submit(newJob())));
  const placesOf = async (index: number) => {
    const job = jobs[index];
    if (job === undefined) throw new RangeError(`There is no job ${index}.`);
    const ofPage = await findPlaces(store.jobs, [job]);
    return [await findPlace(store.jobs, job), ofPage.get(job.id), await findPlacePromptly(store.jobs, job)];
  };
  expect(await placesOf(0)).toEqual([0, 0, 0]);
  expect(await placesOf(999)).toEqual([999, 999, 999]);
  expect(await placesOf(1_000)).toEqual([1_000, 1_000, null]);
  expect(await placesOf(1_599)).toEqual([2_000, 2_000, null]);
});
