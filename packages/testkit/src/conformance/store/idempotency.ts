/** Idempotency keys: a repeated request makes no second job. */
import { type IdempotencyKey, idempotencyKeyMs, type NewJob, type Outcome } from '@prosemill/core';
import { describe, expect, it } from 'vitest';
import { claimSome, newJob, type OpenSession, sessionPerTest, succeeded } from './session.ts';

const idempotency: IdempotencyKey = { key: 'order-7', requestHash: 'a'.repeat(64) };
const otherHash: IdempotencyKey = { ...idempotency, requestHash: 'b'.repeat(64) };
const failed: Outcome = { type: 'failed', error: { code: 'generation_failed', message: 'x' }, partial: null };
const reused = expect.objectContaining({ code: 'idempotency_key_reused' });

const keyOf = (key: string, { requestHash } = idempotency): IdempotencyKey => ({ key, requestHash });

export function describeIdempotency(name: string, open: OpenSession): void {
  describe(`idempotency keys on ${name}`, () => {
    const session = sessionPerTest(open);
    const submit = async (overrides: Partial<NewJob> = {}) =>
      await session.store.jobs.submit(newJob({ idempotency, ...overrides }));
    const find = async (key = idempotency, ownerId = 'local') =>
      await session.store.jobs.findByIdempotencyKey(ownerId, key);
    const countJobs = async () => (await session.execute('select count(*) as count from jobs'))[0]?.['count'];

    it('give a repeated request its first job, as it is now', async () => {
      expect(await find()).toBeNull();
      const job = await submit();
      expect(await submit()).toEqual(job);
      expect(await find()).toEqual(job);
      const { key } = await claimSome(session.store);
      await session.store.jobs.complete(key, succeeded);
      const now = await session.store.jobs.find(job.ownerId, job.id);
      expect(now).toMatchObject({ status: 'succeeded', output: { generationId: expect.any(Number) } });
      expect(await submit()).toEqual(now);
      expect(await find()).toEqual(now);
      expect(Number(await countJobs())).toBe(1);
    });

    it('refuse another request', async () => {
      await submit();
      await expect(submit({ idempotency: otherHash })).rejects.toThrow(reused);
      await expect(find(otherHash)).rejects.toThrow(reused);
    });

    it('belong to their owner', async () => {
      const job = await submit();
      const other = await submit({ ownerId: 'other', idempotency: otherHash });
      expect(other.id).not.toBe(job.id);
      expect((await find(otherHash, 'other'))?.id).toBe(other.id);
    });

    it('are found among many that are looked up at once', async () => {
      const job = await submit();
      const free = Array.from({ length: 600 }, (_, index) => keyOf(`free-${index}`));
      const answers = await Promise.allSettled(
        [idempotency, otherHash, ...free, idempotency].map(async (key) => find(key)),
      );
      expect(answers.at(0)).toEqual({ status: 'fulfilled', value: job });
      expect(answers.at(1)).toEqual({ status: 'rejected', reason: reused });
      expect(answers.at(-1)).toEqual({ status: 'fulfilled', value: job });
      expect(new Set(answers.slice(2, -1).map((answer) => answer.status === 'fulfilled' && answer.value))).toEqual(
        new Set([null]),
      );
    });

    it('make one job of many requests at once, in one process and in several', async () => {
      const stores = [session.store, ...session.others];
      const submits = stores.flatMap(({ jobs }) =>
        Array.from({ length: 20 }, async () => await jobs.submit(newJob({ idempotency }))),
      );
      expect(new Set((await Promise.all(submits)).map(({ id }) => id)).size).toBe(1);
      expect(Number(await countJobs())).toBe(1);
    });

    it('refuse only the conflicting request of a group, and accept all others', async () => {
      const answers = await Promise.allSettled([
        submit(),
        submit({ idempotency: otherHash }),
        submit(),
        submit({ idempotency: { key: 'order-8', requestHash: otherHash.requestHash } }),
        session.store.jobs.submit(newJob()),
        session.store.jobs.submit(newJob()),
      ]);
      expect(answers.map(({ status }) => status === 'fulfilled')).toEqual([true, false, true, true, true, true]);
      expect(answers[1]).toMatchObject({ reason: { code: 'idempotency_key_reused' } });
      const ids = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value.id] : []));
      expect(new Set(ids).size).toBe(4);
      expect(Number(await countJobs())).toBe(4);
    });

    it('hold the jobs that belong together, all of them or none', async () => {
      const submitAll = async (...keys: readonly IdempotencyKey[]) =>
        await session.store.jobs.submitAll(keys.map((key) => newJob({ idempotency: key })));
      const [first, second] = await submitAll(keyOf('a'), keyOf('b'));
      expect((await submitAll(keyOf('a'), keyOf('b'))).map(({ id }) => id)).toEqual([first?.id, second?.id]);
      await expect(submitAll(keyOf('c'), keyOf('b', otherHash), keyOf('d'))).rejects.toThrow(reused);
      expect(await find(keyOf('c'))).toBeNull();
      expect(Number(await countJobs())).toBe(2);
      const { key } = await claimSome(session.store);
      await session.store.jobs.complete(key, failed);
      const again = await submitAll(keyOf('a'), keyOf('b'));
      expect([again[0]?.id === first?.id, again[1]?.id]).toEqual([false, second?.id]);
    });

    it('hold the jobs that belong together, however many requests come at once', async () => {
      const submits = [session.store, ...session.others].flatMap(({ jobs }) =>
        Array.from(
          { length: 10 },
          async () => await jobs.submitAll(['a', 'b', 'c'].map((key) => newJob({ idempotency: keyOf(key) }))),
        ),
      );
      const ids = (await Promise.all(submits)).map((jobs) => jobs.map(({ id }) => id));
      expect(new Set(ids.map((each) => each.join())).size).toBe(1);
      expect(Number(await countJobs())).toBe(3);
    });

    it('are given back by a job that failed or expired, also to another request', async () => {
      const first = await submit();
      const { key } = await claimSome(session.store);
      await session.store.jobs.complete(key, failed);
      expect(await find()).toBeNull();
      const second = await submit({ idempotency: otherHash, deadlineMs: 1_000 });
      expect(second.id).not.toBe(first.id);
      await session.travel(2_000);
      expect(await session.store.jobs.expireJobs(10)).toEqual([second.id]);
      expect(await find(otherHash)).toBeNull();
      const third = await submit();
      expect([first.id, second.id]).not.toContain(third.id);
      expect((await find())?.id).toBe(third.id);
    });

    it('are kept by a job that was canceled', async () => {
      const job = await submit();
      await session.store.jobs.requestCancel(job.ownerId, job.id);
      expect(await submit()).toMatchObject({ id: job.id, status: 'canceled' });
    });

    it('expire after a day, and are deleted', async () => {
      const old = await submit();
      await session.travel(idempotencyKeyMs - 60_000);
      expect((await find())?.id).toBe(old.id);
      expect(await session.store.jobs.deleteOldIdempotencyKeys(10)).toBe(0);
      await session.travel(idempotencyKeyMs + 60_000);
      expect(await find()).toBeNull();
      const job = await submit({ idempotency: otherHash });
      expect(job.id).not.toBe(old.id);
      expect(await session.store.jobs.deleteOldIdempotencyKeys(10)).toBe(0);
      await session.travel(2 * idempotencyKeyMs + 120_000);
      expect(await session.store.jobs.deleteOldIdempotencyKeys(10)).toBe(1);
    });

    it('are deleted in batches', async () => {
      const keys = Array.from({ length: 5 }, (_, index) => ({ ...idempotency, key: `key ${index}` }));
      await Promise.all(keys.map(async (key) => await submit({ idempotency: key })));
      await session.travel(idempotencyKeyMs + 60_000);
      const { jobs } = session.store;
      expect(await jobs.deleteOldIdempotencyKeys(3)).toBe(3);
      expect(await jobs.deleteOldIdempotencyKeys(3)).toBe(2);
      expect(await jobs.deleteOldIdempotencyKeys(3)).toBe(0);
    });

    it('are not stored with a job that is refused', async () => {
      await expect(submit({ priorityClass: 7 as 0 })).rejects.toThrow(/jobs_class/);
      expect(await find()).toBeNull();
    });
  });
}
