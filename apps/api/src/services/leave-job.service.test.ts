import type { JobBody } from '@prosemill/contract';
import type { Job, JobStatus } from '@prosemill/core';
import { createQueue } from '@prosemill/queue';
import { openStore } from '@prosemill/store';
import { newJob, silentLogger } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endNext, openTestApi, testModel, type TestApi } from '../test-api.ts';
import { createLeaveJob } from './leave-job.ts';

describe('a client that leaves while it waits', () => {
  let opened: TestApi;
  beforeEach(async () => {
    opened = await openTestApi();
  });
  afterEach(async () => {
    await opened.close();
  });

  const cancels = { prompt: 'a', on_disconnect: 'cancel' };

  /** Begins a request. `leave` cuts its connection. */
  function begin(json: object, headers: Readonly<Record<string, string>> = {}, path = '/generate') {
    const connection = new AbortController();
    const answer = Promise.resolve(
      opened.api.app.request(
        new Request(`http://localhost${path}`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json', ...headers },
          body: JSON.stringify(json),
          signal: connection.signal,
        }),
      ),
    );
    return { answer, leave: () => connection.abort() };
  }

  const jobs = async (): Promise<readonly Job[]> => {
    const all = { after: null, limit: 100 };
    return (await opened.store.jobs.list({ ownerId: 'local', ...all })).items;
  };
  const only = async (): Promise<Job | undefined> => (await jobs())[0];
  const waiting = async (): Promise<void> => await expect.poll(only).toBeDefined();
  const waiters = async () => {
    const text = await (await opened.api.app.request('/metrics')).text();
    return Number(/^prosemill_waiters (\d+)$/m.exec(text)?.[1]);
  };
  const expectStatus = async (status: JobStatus): Promise<void> => expect((await only())?.status).toBe(status);

  it('has its queued job canceled, if it asked for that', async () => {
    const { answer, leave } = begin(cancels);
    await waiting();
    leave();
    await answer;
    await expectStatus('canceled');
  });

  it('has its running job canceled by the worker', async () => {
    const { answer, leave } = begin(cancels);
    await waiting();
    await opened.store.jobs.claim({ workerId: 'w', model: testModel, leaseMs: 30_000, fromClass: 0 });
    await expect.poll(async () => (await only())?.status).toBe('running');
    leave();
    await answer;
    expect((await only())?.cancelRequestedAt).toBeInstanceOf(Date);
  });

  it.each([{}, { on_disconnect: 'continue' }, { on_disconnect: null }])(
    'leaves its job alone with %o',
    async (json) => {
      const { answer, leave } = begin({ prompt: 'a', ...json });
      await waiting();
      leave();
      await answer;
      await expectStatus('queued');
    },
  );

  it.each([
    ['its 202', '/generate', { Prefer: 'wait=1' }],
    ['its 202, which it did not wait for', '/generate', { Prefer: 'respond-async' }],
    ['the answer of a route that does not wait', '/jobs', {}],
  ] as const)('does not count after %s', async (_name, path, headers) => {
    const { answer, leave } = begin(cancels, headers, path);
    expect((await answer).status).toBe(202);
    leave();
    expect(
      (await (await opened.api.app.request(`/jobs/${(await only())?.id}?wait=1`)).json()) as JobBody,
    ).toMatchObject({ status: 'queued', cancel_requested_at: null });
  });

  it('leaves a finished job as it is', async () => {
    const { answer, leave } = begin(cancels);
    await waiting();
    await endNext(opened.store);
    leave();
    await answer;
    await expectStatus('succeeded');
  });

  it('cancels only when it was the last that waited for the job', async () => {
    const key = { 'Idempotency-Key': 'shared' };
    const first = begin(cancels, key);
    await waiting();
    const second = begin(cancels, key);
    await expect.poll(waiters).toBe(2);
    first.leave();
    await first.answer;
    await expectStatus('queued');
    second.leave();
    await second.answer;
    await expectStatus('canceled');
    expect(await jobs()).toHaveLength(1);
  });

  it('did not leave by itself when the process stops', async () => {
    const { answer, leave } = begin(cancels);
    await waiting();
    opened.api.beginShutdown();
    leave();
    await answer;
    await expectStatus('queued');
  });

  it('leaves its job alone while the database is away, and nothing fails', async () => {
    const away = openStore({ url: 'postgres://user@127.0.0.1:1/none', logger: silentLogger });
    const job = await opened.store.jobs.submit(newJob());
    const leaveJob = createLeaveJob({
      jobs: away.jobs,
      wakeUps: createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger }).wakeUps,
      feed: { isWatched: () => false },
      isStopping: () => false,
      logger: silentLogger,
    });
    await leaveJob(job);
    await expectStatus('queued');
    await away.stop();
  });
});
