import type { JobBody } from '@prosemill/contract';
import type { Store } from '@prosemill/core';
import { newJob } from '@prosemill/testkit';
import { expect, it, onTestFinished, vi } from 'vitest';
import { openTestApi, readyWorker, testModel } from '../test-api.ts';

async function open() {
  const opened = await openTestApi();
  onTestFinished(async () => await opened.close());
  const request = async (path: string, headers: Readonly<Record<string, string>> = {}) =>
    await opened.api.app.request(path, { headers });
  const list = async (): Promise<readonly JobBody[]> =>
    ((await (await request('/jobs')).json()) as { readonly data: readonly JobBody[] }).data;
  return { store: opened.store, request, list };
}

/** Reports what a worker has written of a job. @returns whether somebody looks */
const report = async ({ workers }: Store, jobId: string, tokens: number): Promise<boolean> => {
  const activity = { slots: [null, { jobId, ownerId: 'local', tokens, limit: 50 }], tokensPerSecond: 1 };
  return await workers.report(readyWorker({ id: 'w', activity }));
};

/** Lets the state of the service become old. */
function passASecond(): void {
  vi.advanceTimersByTime(1_001);
}

it('a running job shows how many tokens are written, in lists and alone', async () => {
  const { store, request, list } = await open();
  const { id } = await store.jobs.submit(newJob());
  const waiting = await store.jobs.submit(newJob());
  const written = async () => new Map((await list()).map((job) => [job.id, job.tokens_written]));
  expect(await report(store, id, 7)).toBe(false);
  expect(await written()).toEqual(new Map([waiting, { id }].map((job) => [job.id, null])));
  // Nobody looks yet: no job of the list runs.
  expect(await report(store, id, 7)).toBe(false);
  await store.jobs.claim({ workerId: 'w', model: testModel, leaseMs: 30_000, fromClass: 0 });
  expect(await written()).toEqual(
    new Map([
      [waiting.id, null],
      [id, 7],
    ]),
  );
  await expect.poll(async () => await report(store, id, 7)).toBe(true);
  expect(((await (await request(`/jobs/${id}`)).json()) as JobBody).tokens_written).toBe(7);
  await store.jobs.complete({ id, attempt: 1 }, { type: 'released' });
  expect((await written()).get(id)).toBeNull();
});

it('the ETag of a list changes with the tokens of its running jobs', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const { store, request } = await open();
  const { id } = await store.jobs.submit(newJob());
  await store.jobs.claim({ workerId: 'w', model: testModel, leaseMs: 30_000, fromClass: 0 });
  const etag = (await request('/jobs')).headers.get('ETag') ?? '';
  const statusNow = async (): Promise<number> => {
    passASecond();
    return (await request('/jobs', { 'If-None-Match': etag })).status;
  };
  expect(await statusNow()).toBe(304);
  await report(store, id, 3);
  expect(await statusNow()).toBe(200);
});
