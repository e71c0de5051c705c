import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClaimPlace, Job } from '@prosemill/core';
import { openStore } from '@prosemill/store';
import { newJob, silentLogger } from '@prosemill/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { QueuePlaces, roundedPlace } from './queue-places.ts';

const loadOf = (jobs: number) => ({ jobs, tokens: jobs * (newJob().tokenBudget ?? 0) });

it('a place is exact below 1,000, and from a profile of the queue above, which many may ask for', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-places-'));
  const store = openStore({ url: `sqlite:${join(folder, 'test.db')}`, logger: silentLogger });
  onTestFinished(async () => {
    await store.stop();
    await rm(folder, { recursive: true });
  });
  await store.migrate();
  const jobs = await Promise.all(Array.from({ length: 3_000 }, async () => await store.jobs.submit(newJob())));
  let counts = 0;
  let profiles = 0;
  const places = new QueuePlaces({
    ...store.jobs,
    async measureAhead(place: ClaimPlace, limit: number) {
      counts += 1;
      return await store.jobs.measureAhead(place, limit);
    },
    async listMarks(interval: number) {
      profiles += 1;
      return await store.jobs.listMarks(interval);
    },
  });
  const jobAt = (index: number): Job => {
    const job = jobs[index];
    if (job === undefined) throw new RangeError(`There is no job ${index}.`);
    return job;
  };
  const findBoth = async (index: number) => {
    const ofPage = await places.findAll([jobAt(2), jobAt(index)]);
    return [await places.find(jobAt(index)), ofPage.get(jobAt(index).id)];
  };
  for (const index of [0, 1, 999]) expect(await findBoth(index)).toEqual([loadOf(index), loadOf(index)]);
  expect(profiles).toBe(0);
  for (const index of [1_000, 1_030, 2_999]) {
    const atMark = loadOf(index - (index % 50));
    expect(await findBoth(index)).toEqual([atMark, atMark]);
  }
  const before = { counts, profiles };
  await Promise.all(Array.from({ length: 100 }, async () => await places.find(jobAt(2_500))));
  // Nothing is counted for a job at the far end, and all who ask at once share one profile.
  expect([counts - before.counts, profiles - before.profiles <= 1]).toEqual([0, true]);
  expect([999, 1_000, 1_499, 1_500].map(roundedPlace)).toEqual([999, 1_000, 1_000, 2_000]);
});
