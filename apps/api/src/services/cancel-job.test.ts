import { newId, type WakeUp } from '@prosemill/core';
import { createQueue } from '@prosemill/queue';
import { newJob, silentLogger } from '@prosemill/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { openTestApi } from '../test-api.ts';
import { cancelJob } from './cancel-job.ts';

const model = { name: 'small', revision: '1', engine: 'batched', dtype: 'fp32', fingerprint: '0' };

it('a cancel wakes the clients of a queued job, the worker of a running one, and nobody for an unknown one', async () => {
  const opened = await openTestApi();
  onTestFinished(async () => await opened.close());
  const { jobs } = opened.store;
  const { wakeUps } = createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger });
  const sent: WakeUp[] = [];
  wakeUps.subscribe((wakeUp) => void sent.push(wakeUp));
  const cancel = async (id: string, ownerId = 'local') => await cancelJob({ jobs, wakeUps }, { ownerId, id });

  const running = await jobs.submit(newJob());
  await jobs.claim({ workerId: 'w', leaseMs: 60_000, model, fromClass: 0 });
  const queued = await jobs.submit(newJob());
  expect(await cancel(newId())).toBeNull();
  expect(await cancel(queued.id, 'somebody else')).toBeNull();
  expect(await cancel(queued.id)).toMatchObject({ status: 'canceled' });
  expect(await cancel(running.id)).toMatchObject({ status: 'running', cancelRequestedAt: expect.any(Date) as Date });
  expect(sent).toEqual([
    { type: 'job-changed', ids: [queued.id] },
    { type: 'job-cancel', ids: [running.id] },
  ]);
});
