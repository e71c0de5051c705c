/** Purges: by the owner, and when the time of a job is over. */
import { idempotencyKeyMs, type Job, newId, type NewJob, unstoredMs } from '@prosemill/core';
import { describe, expect, it } from 'vitest';
import { claimSome, findJob, newJob, type OpenSession, part, sessionPerTest, succeeded } from './session.ts';

const dayMs = 24 * 60 * 60_000;
/** The sessions of the suites keep jobs for this long. */
export const retentionDays = 30;
const retentionMs = retentionDays * dayMs;

const idempotency = { key: 'order-7', requestHash: 'a'.repeat(64) };

export function describePurges(name: string, open: OpenSession): void {
  describe(`purges on ${name}`, () => {
    const session = sessionPerTest(open);
    const submit = async (overrides: Partial<NewJob> = {}) => await session.store.jobs.submit(newJob(overrides));
    const end = async (): Promise<void> => {
      await session.store.jobs.complete((await claimSome(session.store)).key, succeeded);
    };
    const submitAndEnd = async (overrides: Partial<NewJob> = {}): Promise<Job> => {
      const job = await submit(overrides);
      await end();
      return await findJob(session.store, job);
    };
    const list = async (): Promise<readonly string[]> => {
      const page = await session.store.jobs.list({ ownerId: 'local', after: null, limit: 100 });
      return page.items.map(({ id }) => id);
    };
    const history = async () =>
      await session.store.generations.list({ ownerId: 'local', after: null, limit: 100 }).then(({ items }) => items);
    const purge = async (id: string, ownerId = 'local') => await session.store.jobs.purge(ownerId, id);
    const purgeExpired = async (limit = 100) => await session.store.jobs.purgeExpiredJobs(limit);

    it('leave a tombstone, without content and in no list', async () => {
      const job = await submitAndEnd({ metadata: { customer: '4711' } });
      const kept = await submitAndEnd();
      const recordId = job.output?.generationId ?? 0;
      expect(await purge(job.id)).toBe('purged');
      const tombstone = await findJob(session.store, job);
      expect(tombstone).toMatchObject({
        id: job.id,
        status: 'succeeded',
        version: job.version + 1,
        prompt: '',
        metadata: {},
        output: null,
        usage: job.usage,
        finishedAt: job.finishedAt,
        purgedAt: expect.any(Date),
      });
      expect(tombstone.parameters.stop).toEqual([]);
      expect(kept.purgedAt).toBeNull();
      expect([await list(), (await history()).map(({ jobId }) => jobId)]).toEqual([[kept.id], [kept.id]]);
      expect(await session.store.generations.find('local', recordId)).toBeNull();
      const recent = { ownerIds: ['local'], ms: 60_000, ids: [job.id], limit: 100 };
      expect((await session.store.jobs.listRecent(recent)).map(({ id }) => id)).toEqual([kept.id]);
    });

    it('remove the text of a part, of an error and of a verification', async () => {
      const job = await submitAndEnd();
      const failure = { code: 'generation_failed', message: 'unreadable: quokka' };
      const failed = await submit();
      await session.store.jobs.complete((await claimSome(session.store)).key, {
        type: 'failed',
        error: failure,
        partial: part,
      });
      const verification = await submitAndEnd({ verifyOf: job.id });
      expect(verification.output).not.toBeNull();
      expect([await purge(failed.id), await purge(job.id)]).toEqual(['purged', 'purged']);
      expect(await findJob(session.store, failed)).toMatchObject({ output: null, error: { message: '' } });
      expect(await findJob(session.store, verification)).toMatchObject({
        prompt: '',
        output: null,
        purgedAt: expect.any(Date),
      });
    });

    it('are safe to repeat, and change nothing but jobs that have ended', async () => {
      const [running, queued] = [await submit(), await submit()];
      await claimSome(session.store);
      for (const { id } of [running, queued]) expect(await purge(id)).toBe('unfinished');
      await session.store.jobs.requestCancel('local', queued.id);
      expect([await purge(queued.id, 'other'), await purge(newId())]).toEqual(['unknown', 'unknown']);
      expect([await purge(queued.id), await purge(queued.id)]).toEqual(['purged', 'purged']);
      expect((await findJob(session.store, queued)).version).toBe(3);
      expect((await findJob(session.store, running)).status).toBe('running');
    });

    it('wait for a verification that has not ended', async () => {
      const job = await submitAndEnd();
      const verification = await submit({ verifyOf: job.id });
      expect(await purge(job.id)).toBe('verifying');
      await session.store.jobs.requestCancel('local', verification.id);
      expect(await purge(job.id)).toBe('purged');
    });

    it('come after the end of a verification, and no other can begin then', async () => {
      const job = await submitAndEnd({ isStored: false });
      const verification = await submit({ verifyOf: job.id, isStored: false });
      await session.travel(unstoredMs + 1_000);
      expect(await purgeExpired()).toEqual([]);
      await session.store.jobs.requestCancel('local', verification.id);
      expect(await purgeExpired()).toEqual([job.id]);
      await expect(submit({ verifyOf: job.id })).rejects.toMatchObject({ code: 'gone' });
    });

    it('give the idempotency key back', async () => {
      const job = await submitAndEnd({ idempotency });
      expect((await submit({ idempotency })).id).toBe(job.id);
      await purge(job.id);
      expect(await session.store.jobs.findByIdempotencyKey('local', idempotency)).toBeNull();
      expect((await submit({ idempotency })).id).not.toBe(job.id);
    });

    it('come for jobs that are not to be stored soon after their end, and these are never in the history', async () => {
      const job = await submitAndEnd({ isStored: false });
      const kept = await submitAndEnd();
      expect(Number(job.expiresAt)).toBe(Number(job.finishedAt) + unstoredMs);
      expect([await list(), (await history()).map(({ jobId }) => jobId)]).toEqual([[kept.id, job.id], [kept.id]]);
      expect(await session.store.generations.find('local', job.output?.generationId ?? 0)).toBeNull();
      await session.travel(unstoredMs - 5_000);
      expect(await purgeExpired()).toEqual([]);
      await session.travel(unstoredMs + 1_000);
      expect([await purgeExpired(), await purgeExpired()]).toEqual([[job.id], []]);
      expect(await list()).toEqual([kept.id]);
    });

    it('come when jobs are past their retention, in batches, and for these alone', async () => {
      const old = [await submitAndEnd(), await submitAndEnd({ ownerId: 'other' }), await submitAndEnd()];
      const [first = old[0]] = old;
      expect(Number(first?.expiresAt)).toBe(Number(first?.finishedAt) + retentionMs);
      const waiting = await submit();
      await session.travel(retentionMs - dayMs);
      expect(waiting.expiresAt).toBeNull();
      const young = await submit();
      await session.store.jobs.requestCancel('local', young.id);
      await session.travel(retentionMs + 1_000);
      expect((await purgeExpired(2)).length).toBe(2);
      expect((await purgeExpired(2)).length).toBe(1);
      expect(await purgeExpired(2)).toEqual([]);
      for (const job of old) expect((await findJob(session.store, job)).purgedAt).not.toBeNull();
      expect(await list()).toEqual([young.id, waiting.id]);
    });

    it('race with each other and with the end of the job, and lose nothing', async () => {
      const jobs = await Promise.all(Array.from({ length: 20 }, async () => await submit()));
      const claimed = await Promise.all(jobs.map(async () => await claimSome(session.store)));
      const purges: Promise<unknown>[] = [];
      for (const { key } of claimed) {
        for (const store of [session.store, ...session.others]) purges.push(store.jobs.purge('local', key.id));
        purges.push(session.store.jobs.complete(key, succeeded));
      }
      await Promise.all(purges);
      for (const job of jobs) {
        const now = await findJob(session.store, job);
        expect([now.status, now.output === null]).toEqual(['succeeded', now.purgedAt !== null]);
        expect(await purge(job.id)).toBe('purged');
      }
      expect([await list(), await history()]).toEqual([[], []]);
    });

    it('do not touch a job whose idempotency key is a day old', async () => {
      const job = await submitAndEnd({ idempotency });
      await session.travel(idempotencyKeyMs + 1_000);
      expect(await session.store.jobs.deleteOldIdempotencyKeys(10)).toBe(1);
      expect(await purgeExpired()).toEqual([]);
      expect((await findJob(session.store, job)).prompt).toBe(job.prompt);
    });

    it('are the only change that the database itself allows to a job that has ended', async () => {
      const job = await submitAndEnd();
      const purged = `purged_at = finished_at, prompt = '', parameters = '{}'`;
      for (const change of [`prompt = ''`, `${purged}, status = 'failed'`, `purged_at = finished_at`]) {
        await expect(session.execute(`update jobs set ${change} where id = '${job.id}'`)).rejects.toThrow(/terminal/);
      }
      await purge(job.id);
      await expect(session.execute(`update jobs set prompt = 'a' where id = '${job.id}'`)).rejects.toThrow(/terminal/);
      await expect(session.execute(`update jobs set ${purged} where id = '${job.id}'`)).rejects.toThrow(/terminal/);
    });
  });
}
