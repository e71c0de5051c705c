import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@prosemill/store';
import { newJob, silentLogger } from '@prosemill/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { presentJob, presentPromptly } from './present-job.ts';

it('shows the place exactly below 1,000; from there on rounded, and not at all when the answer is urgent', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-present-'));
  const store = openStore({ url: `sqlite:${join(folder, 'test.db')}`, logger: silentLogger });
  onTestFinished(async () => {
    await store.stop();
    await rm(folder, { recursive: true });
  });
  await store.migrate();
  const presentation = { jobs: store.jobs, basePath: '' };
  const jobs = await Promise.all(Array.from({ length: 1_600 }, async () => await store.jobs.submit(newJob())));
  const placesOf = async (index: number) => {
    const job = jobs[index];
    if (job === undefined) throw new RangeError(`There is no job ${index}.`);
    return [(await presentJob(job, presentation)).queue, (await presentPromptly(job, presentation)).queue];
  };
  expect(await placesOf(0)).toEqual([{ position: 0 }, { position: 0 }]);
  expect(await placesOf(999)).toEqual([{ position: 999 }, { position: 999 }]);
  expect(await placesOf(1_000)).toEqual([{ position: 1_000 }, null]);
  expect(await placesOf(1_599)).toEqual([{ position: 2_000 }, null]);
});
