import { newJob, silentLogger } from '@prosemill/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { createLease } from './lease.ts';
import { openTestStore } from './test-worker.ts';

it('a lost lease is no longer renewed; one that is kept hears of a cancel and of a watch', async () => {
  const store = await openTestStore();
  const { id } = await store.jobs.submit(newJob());
  const model = { name: 'm', revision: '1', engine: 'e', dtype: 'fp32', fingerprint: 'f' };
  await store.jobs.claim({ workerId: 'worker', model, leaseMs: 30_000, fromClass: 0 });
  await store.jobs.requestCancel('local', id);
  await store.texts.watch([id]);
  const heard = { lost: 0, cancelRequested: 0, watched: 0 };
  const options = {
    jobs: store.jobs,
    leaseMs: 30,
    logger: silentLogger,
    onLost: () => (heard.lost += 1),
    onCancelRequested: () => (heard.cancelRequested += 1),
    onWatched: () => (heard.watched += 1),
  };
  const lost = createLease({ ...options, claim: { id, attempt: 2 } });
  // Starts later and renews as often: when it has heard of the cancel four times, the lost one had as many turns.
  const kept = createLease({ ...options, claim: { id, attempt: 1 } });
  onTestFinished(async () => void (await Promise.all([lost.stop(), kept.stop()])));
  lost.start();
  kept.start();
  await expect.poll(() => heard.cancelRequested, { interval: 5 }).toBeGreaterThan(3);
  expect(heard.lost).toBe(1);
  expect(heard.watched).toBe(heard.cancelRequested);
});
