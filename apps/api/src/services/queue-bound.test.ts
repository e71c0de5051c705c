import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { QueueLoad, Store } from '@prosemill/core';
import { openStore } from '@prosemill/store';
import { newJob, silentLogger } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { QueueBound } from './queue-bound.ts';

const maxQueueLength = 10;
const one = { jobs: 1, tokens: 9 };
const hooks = { countRefused: () => undefined, retryAfterMs: () => null };
const limitsOf = (jobs: number) => ({ jobs, tokens: 1_000_000 });
const full = expect.objectContaining({ code: 'queue_full' });

describe('the bound of the queue', () => {
  let folder: string;
  let store: Store;
  let bound: QueueBound;
  const submit = async () => await bound.admit('local', one, async () => await store.jobs.submit(newJob()));
  const fill = async () => await Promise.all(Array.from({ length: maxQueueLength }, submit));

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'prosemill-bound-'));
    store = openStore({ url: `sqlite:${join(folder, 'test.db')}`, logger: silentLogger });
    await store.migrate();
    bound = new QueueBound({ jobs: store.jobs, limits: limitsOf(maxQueueLength), hasOwners: false, ...hooks });
  });
  afterEach(async () => {
    await store.stop();
    await rm(folder, { recursive: true });
  });

  it('admits as many submits as there is room for, however many come at once', async () => {
    const answers = await Promise.allSettled(Array.from({ length: 50 }, submit));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(maxQueueLength);
    for (const answer of answers) if (answer.status === 'rejected') expect(answer.reason).toEqual(full);
    expect(await store.jobs.measureQueue()).toMatchObject({ queued: maxQueueLength, running: 0 });
  });

  it('counts the jobs of other processes', async () => {
    for (let jobs = 0; jobs < maxQueueLength; jobs += 1) await store.jobs.submit(newJob());
    await expect(submit()).rejects.toThrow(full);
  });

  it('admits the next submit when a job has left the queue', async () => {
    const [first] = await fill();
    await expect(submit()).rejects.toThrow(full);
    await store.jobs.requestCancel('local', first?.id ?? '');
    await expect.poll(submit).toMatchObject({ status: 'queued' });
  });

  it.each([
    ['one after another, counted each time', 1],
    ['100 at once', 100],
  ])('keeps each owner below the free room, so that some room always remains: %s', async (_, together) => {
    const fillAs = async (ownerId: string): Promise<number> => {
      let jobs = 0;
      for (;;) {
        // The queue is counted anew.
        bound = new QueueBound({ jobs: store.jobs, limits: limitsOf(100), hasOwners: true, ...hooks });
        const answers = await Promise.allSettled(
          Array.from({ length: together }, async () => {
            return await bound.admit(ownerId, one, async () => await store.jobs.submit(newJob({ ownerId })));
          }),
        );
        jobs += answers.filter(({ status }) => status === 'fulfilled').length;
        const refused = answers.filter((answer) => answer.status === 'rejected');
        for (const { reason } of refused) expect(reason).toEqual(full);
        if (refused.length > 0) return jobs;
      }
    };
    expect([await fillAs('first'), await fillAs('second'), await fillAs('third')]).toEqual([50, 25, 12]);
  });

  it('admits as many jobs of an owner together as one after another', async () => {
    bound = new QueueBound({ jobs: store.jobs, limits: { jobs: 100, tokens: 300 }, hasOwners: true, ...hooks });
    const admit = async (jobs: number, tokens: number) =>
      await bound.admit('first', { jobs, tokens }, async () => await Promise.resolve(jobs));
    expect(await admit(20, 150)).toBe(20);
    await expect(admit(1, 1)).rejects.toThrow(full);
    bound = new QueueBound({ jobs: store.jobs, limits: limitsOf(100), hasOwners: true, ...hooks });
    expect(await admit(50, 0)).toBe(50);
    await expect(admit(1, 0)).rejects.toThrow(full);
  });

  it('tells a submit that does not fit into an empty queue that it can never be admitted', async () => {
    const limits = { jobs: 100, tokens: 300 };
    const admit = async (cost: QueueLoad) => await bound.admit('first', cost, async () => await Promise.resolve());
    const never = expect.objectContaining({ code: 'invalid_request' });
    bound = new QueueBound({ jobs: store.jobs, limits, hasOwners: false, ...hooks });
    for (const cost of [
      { jobs: 101, tokens: 0 },
      { jobs: 2, tokens: 301 },
    ]) {
      await expect(admit(cost)).rejects.toThrow(never);
    }
    await admit({ jobs: 1, tokens: 301 });
    bound = new QueueBound({ jobs: store.jobs, limits, hasOwners: true, ...hooks });
    for (const cost of [
      { jobs: 51, tokens: 0 },
      { jobs: 2, tokens: 151 },
    ]) {
      await expect(admit(cost)).rejects.toThrow(never);
    }
    await admit({ jobs: 1, tokens: 301 });
  });

  it('admits one job of an owner into the last place', async () => {
    bound = new QueueBound({ jobs: store.jobs, limits: limitsOf(1), hasOwners: true, ...hooks });
    const admit = async () => await bound.admit('first', one, async () => await Promise.resolve('admitted'));
    expect(await admit()).toBe('admitted');
    await expect(admit()).rejects.toThrow(full);
  });

  it('admits several jobs together or not at all', async () => {
    const submitJobs = async (jobs: number) =>
      await bound.admit('local', { jobs, tokens: 9 * jobs }, async () => {
        return await Promise.all(Array.from({ length: jobs }, async () => await store.jobs.submit(newJob())));
      });
    await submitJobs(8);
    await expect(submitJobs(3)).rejects.toThrow(full);
    await expect(bound.requireRoom('local')).resolves.toBeUndefined();
    expect(await submitJobs(2)).toHaveLength(2);
    await expect(bound.requireRoom('local')).rejects.toThrow(full);
  });

  it('bounds the tokens of the waiting jobs, and takes any job into an empty queue', async () => {
    const limits = { jobs: maxQueueLength, tokens: 100 };
    bound = new QueueBound({
      jobs: store.jobs,
      limits,
      hasOwners: false,
      countRefused: () => undefined,
      retryAfterMs: () => 7_000,
    });
    const submitTokens = async (tokens: number) =>
      await bound.admit('local', { jobs: 1, tokens }, async () => {
        return await store.jobs.submit(newJob({ tokenBudget: tokens }));
      });
    const first = await submitTokens(500);
    await expect(submitTokens(1)).rejects.toThrow(
      expect.objectContaining({ code: 'queue_full', details: { retryAfterMs: 7_000 } }),
    );
    await store.jobs.requestCancel('local', first.id);
    await expect.poll(async () => await submitTokens(60)).toMatchObject({ tokenBudget: 60 });
    await expect(submitTokens(41)).rejects.toThrow(full);
    await submitTokens(40);
  });

  it('does not count failed submits', async () => {
    const refused = new Error('refused');
    for (let tries = 0; tries < 2 * maxQueueLength; tries += 1) {
      await expect(bound.admit('local', one, async () => await Promise.reject(refused))).rejects.toBe(refused);
    }
    expect(await fill()).toHaveLength(maxQueueLength);
  });

  it('refuses without a wait for a database that has been away for a moment', async () => {
    let isAway = false;
    const never = new Promise<never>(() => undefined);
    const measureQueue = async () => await (isAway ? never : store.jobs.measureQueue());
    bound = new QueueBound({ jobs: { measureQueue }, limits: limitsOf(maxQueueLength), hasOwners: false, ...hooks });
    await fill();
    isAway = true;
    for (let tries = 0; tries < 1_000; tries += 1) await expect(submit()).rejects.toThrow(full);
  });

  it('fails with database_unavailable when the queue cannot be counted, and submits nothing', async () => {
    const away = openStore({ url: 'postgres://user@127.0.0.1:1/none', logger: silentLogger });
    const closed = new QueueBound({ jobs: away.jobs, limits: limitsOf(maxQueueLength), hasOwners: false, ...hooks });
    let tries = 0;
    const trying = closed.admit('local', one, async () => await Promise.resolve((tries += 1)));
    await expect(trying).rejects.toThrow(expect.objectContaining({ code: 'database_unavailable' }));
    expect(tries).toBe(0);
    await away.stop();
  });
});
