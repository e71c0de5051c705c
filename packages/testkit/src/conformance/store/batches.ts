/** Batches: all of their jobs or none, one batch for each idempotency key, and cancels. */
import { type IdempotencyKey, idempotencyKeyMs, type NewBatch, newId, type Outcome } from '@prosemill/core';
import { describe, expect, it } from 'vitest';
import { claimSome, findJob, leaseMs, model, newJob, type OpenSession, sessionPerTest, succeeded } from './session.ts';

const idempotency: IdempotencyKey = { key: 'night-7', requestHash: 'a'.repeat(64) };
const otherHash: IdempotencyKey = { ...idempotency, requestHash: 'b'.repeat(64) };
const failed: Outcome = { type: 'failed', error: { code: 'generation_failed', message: 'x' }, partial: null };
const reused = expect.objectContaining({ code: 'idempotency_key_reused' });

function newBatch(customIds: readonly string[], overrides: Partial<NewBatch> = {}): NewBatch {
  const id = newId();
  const ownerId = overrides.ownerId ?? 'local';
  const jobs = customIds.map((customId) => newJob({ ownerId, batchId: id, customId }));
  return { id, ownerId, jobs, ...overrides };
}

export function describeBatches(name: string, open: OpenSession): void {
  describe(`batches on ${name}`, () => {
    const session = sessionPerTest(open);
    const countOf = async (table: string) =>
      Number((await session.execute(`select count(*) as count from ${table}`))[0]?.['count']);

    it('store all of their jobs, which show their batch', async () => {
      const request = newBatch(['b', 'A', 'ä', '_', 'a']);
      const batch = await session.store.batches.submit(request);
      expect(batch).toMatchObject({ id: request.id, ownerId: 'local', createdAt: expect.any(Date) });
      expect(
        batch.jobs.map(({ customId, status, version, finishedAt }) => [customId, status, version, finishedAt]),
      ).toEqual(['A', '_', 'a', 'b', 'ä'].map((customId) => [customId, 'queued', 1, null]));
      expect(await session.store.batches.find('local', request.id)).toEqual(batch);
      for (const { id, customId } of batch.jobs) {
        expect(await findJob(session.store, { id, ownerId: 'local' })).toMatchObject({ batchId: batch.id, customId });
      }
    });

    it('belong to their owner', async () => {
      const { store } = session;
      const batch = await store.batches.submit(newBatch(['a'], { idempotency }));
      expect(await store.batches.find('other', batch.id)).toBeNull();
      expect(await store.batches.find('local', newId())).toBeNull();
      expect(await store.batches.requestCancel('other', batch.id)).toBeNull();
      expect(await store.batches.requestCancel('local', newId())).toBeNull();
      expect(await store.batches.findByIdempotencyKey('other', idempotency)).toBeNull();
      expect(await store.batches.find('local', batch.id)).toEqual(batch);
    });

    it('are the jobs of a list', async () => {
      const { store } = session;
      const [batch, other] = [newBatch(['a', 'b', 'c']), newBatch(['a'])];
      for (const each of [batch, other]) await store.batches.submit(each);
      await store.jobs.submit(newJob());
      await store.jobs.complete((await claimSome(store)).key, succeeded);
      const query = { ownerId: 'local', batchId: batch.id, after: null, limit: 10 };
      const idsOf = async (changes: object = {}) =>
        (await store.jobs.list({ ...query, ...changes })).items.map(({ id }) => id).toSorted();
      const ids = batch.jobs.map(({ id }) => id).toSorted();
      expect(await idsOf()).toEqual(ids);
      const [done, unfinished] = [
        await idsOf({ statuses: ['succeeded'] }),
        await idsOf({ statuses: ['queued', 'running'] }),
      ];
      expect([done.length, [...done, ...unfinished].toSorted()]).toEqual([1, ids]);
      expect(await idsOf({ ownerId: 'other' })).toEqual([]);
    });

    it('give their jobs turns in their order, beside the jobs of other owners', async () => {
      const { store } = session;
      const batch = newBatch(['c', 'b', 'a']);
      await store.batches.submit(batch);
      const single = await store.jobs.submit(newJob({ ownerId: 'other' }));
      const claimed = [];
      for (let count = 0; count < 4; count += 1) claimed.push((await claimSome(store)).job.id);
      const [first, second, third] = batch.jobs.map(({ id }) => id);
      expect(new Set(claimed.slice(0, 2))).toEqual(new Set([first, single.id]));
      expect(claimed.slice(2)).toEqual([second, third]);
    });

    it('are stored with all of their jobs or none', async () => {
      const { store } = session;
      const taken = await store.jobs.submit(newJob());
      const request = newBatch(['a', 'b', 'c']);
      const broken = request.jobs.map((job, index) => (index === 2 ? { ...job, id: taken.id } : job));
      await expect(store.batches.submit({ ...request, jobs: broken, idempotency })).rejects.toThrow(/unique/i);
      expect([await countOf('jobs'), await countOf('batches'), await countOf('idempotency_keys')]).toEqual([1, 0, 0]);
      expect(await session.store.batches.find('local', request.id)).toBeNull();
    });

    it('are found again by their key, whatever became of their jobs', async () => {
      const { store } = session;
      const batch = await store.batches.submit(newBatch(['a', 'b'], { idempotency }));
      expect(await store.batches.submit(newBatch(['a', 'b'], { idempotency }))).toEqual(batch);
      for (let count = 0; count < 2; count += 1) await store.jobs.complete((await claimSome(store)).key, failed);
      const now = await store.batches.find('local', batch.id);
      expect(now?.jobs.map(({ status }) => status)).toEqual(['failed', 'failed']);
      expect(await store.batches.findByIdempotencyKey('local', idempotency)).toEqual(now);
      expect(await store.batches.submit(newBatch(['a', 'b'], { idempotency }))).toEqual(now);
      expect([await countOf('jobs'), await countOf('batches')]).toEqual([2, 1]);
      await session.travel(idempotencyKeyMs + 1_000);
      expect(await session.store.batches.findByIdempotencyKey('local', idempotency)).toBeNull();
      expect((await session.store.batches.submit(newBatch(['a'], { idempotency }))).id).not.toBe(batch.id);
    });

    it('keep their key until all of their jobs are deleted', async () => {
      const { batches, jobs } = session.store;
      const batch = await batches.submit(newBatch(['a', 'b'], { idempotency }));
      await batches.requestCancel('local', batch.id);
      const [first, second] = batch.jobs.map(({ id }) => id);
      await jobs.purge('local', first ?? '');
      expect((await batches.findByIdempotencyKey('local', idempotency))?.id).toBe(batch.id);
      await jobs.purge('local', second ?? '');
      expect(await batches.findByIdempotencyKey('local', idempotency)).toBeNull();
    });

    it('share no key with another request, nor with a single job', async () => {
      const { batches, jobs } = session.store;
      const asJob = { key: 'job', requestHash: idempotency.requestHash };
      await batches.submit(newBatch(['a'], { idempotency }));
      await jobs.submit(newJob({ idempotency: asJob }));
      await expect(batches.submit(newBatch(['a'], { idempotency: otherHash }))).rejects.toThrow(reused);
      await expect(batches.findByIdempotencyKey('local', otherHash)).rejects.toThrow(reused);
      await expect(batches.submit(newBatch(['a'], { idempotency: asJob }))).rejects.toThrow(reused);
      await expect(jobs.submit(newJob({ idempotency: otherHash }))).rejects.toThrow(reused);
      expect([await countOf('jobs'), await countOf('batches')]).toEqual([2, 1]);
    });

    it('are one batch however many requests come at once, in one process and in several', async () => {
      const stores = [session.store, ...session.others];
      const submits = stores.flatMap(({ batches }) =>
        Array.from({ length: 10 }, async () => await batches.submit(newBatch(['a', 'b'], { idempotency }))),
      );
      expect(new Set((await Promise.all(submits)).map(({ id }) => id)).size).toBe(1);
      expect([await countOf('jobs'), await countOf('batches')]).toEqual([2, 1]);
    });

    it('cancel their jobs: queued ones at once, running ones by their workers', async () => {
      const { store } = session;
      const batch = await store.batches.submit(newBatch(['a', 'b', 'c']));
      const other = await store.batches.submit(newBatch(['a']));
      await store.jobs.complete((await claimSome(store)).key, succeeded);
      const running = await claimSome(store);
      const canceled = await store.batches.requestCancel('local', batch.id);
      expect(canceled?.batch.jobs.map(({ status }) => status).toSorted()).toEqual(['canceled', 'running', 'succeeded']);
      expect(canceled?.changed).toHaveLength(2);
      expect(await store.jobs.renew(running.key, 1_000)).toMatchObject({ cancelRequested: true });
      expect((await store.batches.requestCancel('local', batch.id))?.changed).toEqual([]);
      expect(await store.jobs.complete(running.key, { type: 'canceled', partial: null })).toBe('applied');
      const ended = await store.batches.find('local', batch.id);
      expect(ended?.jobs.every(({ finishedAt }) => finishedAt !== null)).toBe(true);
      expect((await store.batches.find('local', other.id))?.jobs[0]?.status).toBe('queued');
    });

    it('may be canceled by many requests at once while workers take their jobs', async () => {
      const { store, others } = session;
      const batch = await store.batches.submit(newBatch(Array.from({ length: 20 }, (_, index) => `job-${index}`)));
      const stores = [store, ...others, store];
      const cancels = stores.map(async ({ batches }) => await batches.requestCancel('local', batch.id));
      const claims = stores.map(
        async ({ jobs }) => await jobs.claim({ workerId: newId(), model, leaseMs, fromClass: 0 }),
      );
      const changed = (await Promise.all(cancels)).flatMap((each) => each?.changed ?? []);
      expect(new Set(changed).size).toBe(changed.length);
      const running = (await Promise.all(claims)).filter((each) => each !== null).map(({ job }) => job.id);
      const after = (await store.batches.requestCancel('local', batch.id))?.batch.jobs ?? [];
      expect(
        after
          .filter(({ status }) => status === 'running')
          .map(({ id }) => id)
          .toSorted(),
      ).toEqual(running.toSorted());
      expect(after.filter(({ status }) => status === 'canceled')).toHaveLength(20 - running.length);
    });
  });
}
