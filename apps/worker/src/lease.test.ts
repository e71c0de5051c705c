import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@prosemill/store';
import { newJob, silentLogger } from '@prosemill/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { keepLease } from './lease.ts';

it('is not renewed any more once it is lost', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-lease-'));
  const store = openStore({ url: `sqlite:${join(folder, 'test.db')}`, logger: silentLogger });
  onTestFinished(async () => {
    await store.stop();
    await rm(folder, { recursive: true });
  });
  await store.migrate();
  const { id } = await store.jobs.submit(newJob());
  const model = { name: 'm', revision: '1', engine: 'e', dtype: 'fp32', fingerprint: 'f' };
  await store.jobs.claim({ workerId: 'worker', model, leaseMs: 30_000, fromClass: 0 });
  await store.jobs.requestCancel('local', id);
  const heard = { lost: 0, cancelRequested: 0 };
  const options = {
    jobs: store.jobs,
    leaseMs: 30,
    logger: silentLogger,
    onLost: () => (heard.lost += 1),
    onCancelRequested: () => (heard.cancelRequested += 1),
  };
  const stopLost = keepLease({ ...options, claim: { id, attempt: 2 } });
  // Begins later and renews as often: whoever hears of the cancel four times has let the other one pass as often.
  const stopKept = keepLease({ ...options, claim: { id, attempt: 1 } });
  onTestFinished(() => {
    stopLost();
    stopKept();
  });
  await expect.poll(() => heard.cancelRequested, { interval: 5 }).toBeGreaterThan(3);
  expect(heard.lost).toBe(1);
});
