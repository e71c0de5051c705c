import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Job, newId, noEstimate, type Store } from '@prosemill/core';
import { openStore } from '@prosemill/store';
import { describeServiceConformance, gateCalls, newJob, silentLogger } from '@prosemill/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { EstimateErrors } from './estimate-errors.ts';

const logger = silentLogger;
const model = { name: 'm', revision: '1', engine: 'e', dtype: 'fp32', fingerprint: 'f' };

async function openTestStore() {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-estimates-'));
  const store = openStore({ url: `sqlite:${join(folder, 'test.db')}`, logger });
  await store.migrate();
  const close = async (): Promise<void> => {
    await store.stop();
    await rm(folder, { recursive: true });
  };
  return { store, close };
}

async function finishNext({ jobs }: Store): Promise<Job> {
  const claimed = await jobs.claim({ workerId: 'w', model, leaseMs: 30_000, fromClass: 0 });
  if (claimed === null) throw new Error('Nothing to claim.');
  const usage = { promptTokens: 1, completionTokens: 1 };
  const part = { completion: '', usage, timeToFirstTokenMs: 1, generationMs: 1 };
  const result = { ...part, finishReason: 'length', modelName: 'm' } as const;
  await jobs.complete(claimed.job, { type: 'succeeded', result });
  const job = await jobs.find('local', claimed.job.id);
  if (job === null) throw new Error('The job is gone.');
  return job;
}

it('the error of an estimate is compared with the time that the job took', async () => {
  const { store, close } = await openTestStore();
  onTestFinished(close);
  const ratios: number[] = [];
  let compared = 0;
  const listEnded = async (ids: readonly string[]) => {
    compared += 1;
    return await store.jobs.listEnded(ids);
  };
  const errors = new EstimateErrors({ jobs: { listEnded }, observe: (ratio) => ratios.push(ratio), logger });
  const jobs = await Promise.all(Array.from({ length: 3 }, async () => await store.jobs.submit(newJob())));
  const canceledId = jobs[2]?.id ?? '';
  const first = await finishNext(store);
  const tookMs = Math.max(1, Number(first.finishedAt) - Number(first.createdAt));
  const finishAt = new Date(Number(first.finishedAt) + 3 * tookMs);
  errors.follow(first, { ...noEstimate, finishAt });
  errors.follow(await finishNext(store), noEstimate);
  await store.jobs.requestCancel('local', canceledId);
  for (const id of [canceledId, newId()]) errors.follow({ id }, { ...noEstimate, finishAt });
  errors.start();
  await expect.poll(() => compared).toBe(1);
  await errors.stop();
  expect(ratios).toEqual([3]);
});

describeServiceConformance('the errors of the estimates', async () => {
  const { store, close } = await openTestStore();
  const calls = gateCalls(store.jobs);
  const service = new EstimateErrors({ jobs: calls.part, observe: () => undefined, logger });
  return { service, calls, close };
});
