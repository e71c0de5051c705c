/** The outcomes of attempts: only the holder of an attempt can end it. */
import type { NewJob } from '@prosemill/core';
import { describe, expect, it } from 'vitest';
import {
  claimNext,
  claimSome,
  findJob,
  leaseMs,
  newJob,
  type OpenSession,
  part,
  result,
  sessionPerTest,
  succeeded,
} from './session.ts';

const transient = { code: 'generation_failed', message: 'It went wrong.' };
const retried = { type: 'retried', error: transient, delayMs: 0 } as const;

export function describeOutcomes(name: string, open: OpenSession): void {
  describe(`outcomes on ${name}`, () => {
    const session = sessionPerTest(open);
    const submit = async (overrides: Partial<NewJob> = {}) => await session.store.jobs.submit(newJob(overrides));

    it('succeed with a record, in one transaction', async () => {
      const job = await submit();
      const { key } = await claimSome(session.store);
      expect(await session.store.jobs.complete(key, succeeded)).toBe('applied');
      const ended = await findJob(session.store, job);
      expect(ended).toMatchObject({
        status: 'succeeded',
        version: 3,
        output: { completion: result.completion, finishReason: 'length' },
        usage: result.usage,
        timeToFirstTokenMs: 12.5,
        generationMs: 20,
        error: null,
      });
      expect(ended.finishedAt).toBeInstanceOf(Date);
      const records = await session.store.generations.list({ ownerId: 'local', after: null, limit: 10 });
      expect(records.items).toMatchObject([
        { id: ended.output?.generationId, jobId: job.id, prompt: job.prompt, completion: result.completion },
      ]);
    });

    it('may be reported twice: the second time nothing happens', async () => {
      await submit();
      const { key } = await claimSome(session.store);
      await session.store.jobs.complete(key, succeeded);
      expect(await session.store.jobs.complete(key, succeeded)).toBe('already');
      const { items } = await session.store.generations.list({ ownerId: 'local', after: null, limit: 10 });
      expect(items).toHaveLength(1);
    });

    it('may be reported twice even when the job has gone on since', async () => {
      await submit();
      const first = await claimSome(session.store);
      await session.store.jobs.complete(first.key, retried);
      await claimSome(session.store);
      expect(await session.store.jobs.complete(first.key, retried)).toBe('already');
    });

    it('need only the job as it was claimed, also when it has changed since', async () => {
      const [job, canceled] = [await submit(), await submit()];
      const [first, second] = [await claimSome(session.store), await claimSome(session.store)];
      expect(await session.store.jobs.complete(first.job, succeeded)).toBe('applied');
      expect(await findJob(session.store, job)).toMatchObject({
        status: 'succeeded',
        output: { completion: result.completion },
      });
      expect(await session.store.jobs.complete(first.job, succeeded)).toBe('already');
      await session.store.jobs.requestCancel(canceled.ownerId, canceled.id);
      expect(await session.store.jobs.complete(second.job, { type: 'canceled', partial: part })).toBe('applied');
      expect(await findJob(session.store, canceled)).toMatchObject({ status: 'canceled' });
    });

    it('are dropped when another worker holds the job now', async () => {
      const job = await submit();
      const late = await claimSome(session.store);
      await session.travel(leaseMs + 1_000);
      expect(await session.store.jobs.rescueLostJobs(10)).toEqual([job.id]);
      expect(await session.store.jobs.complete(late.key, succeeded)).toBe('stale');
      const current = await claimSome(session.store);
      expect(current.key.attempt).toBe(2);
      expect(await session.store.jobs.renew(late.key, leaseMs)).toBeNull();
      expect(await session.store.jobs.complete(late.key, succeeded)).toBe('stale');
      expect(await session.store.jobs.complete(current.key, succeeded)).toBe('applied');
      expect(
        await session.store.jobs.complete({ id: '00000000-0000-7000-8000-000000000000', attempt: 1 }, succeeded),
      ).toBe('stale');
    });

    it('are applied once when two stores report them at the same time', async () => {
      await submit();
      const { key } = await claimSome(session.store);
      const stores = [session.store, ...session.others, session.store];
      const answers = await Promise.all(stores.map(({ jobs }) => jobs.complete(key, succeeded)));
      expect(answers.filter((answer) => answer === 'applied')).toHaveLength(1);
      expect(answers.filter((answer) => answer === 'already')).toHaveLength(stores.length - 1);
    });

    it('retry until the attempts are used up, then fail with the last error', async () => {
      const job = await submit({ maxAttempts: 2 });
      const first = await claimSome(session.store);
      await session.store.jobs.complete(first.key, retried);
      expect(await findJob(session.store, job)).toMatchObject({ status: 'queued', dispatchEpoch: 1, error: null });
      const second = await claimSome(session.store);
      expect(second.key.attempt).toBe(2);
      await session.store.jobs.complete(second.key, retried);
      expect(await findJob(session.store, job)).toMatchObject({ status: 'failed', error: transient });
    });

    it('hand a job back without costing an attempt', async () => {
      const job = await submit({ maxAttempts: 1 });
      for (let round = 1; round <= 4; round += 1) {
        const { key } = await claimSome(session.store);
        expect(key.attempt).toBe(round);
        await session.store.jobs.complete(key, { type: 'released' });
        expect(await findJob(session.store, job)).toMatchObject({
          status: 'queued',
          releasedCount: round,
          crashCount: 0,
        });
      }
    });

    it('fail for good, with the text so far after a deadline', async () => {
      const job = await submit();
      const { key } = await claimSome(session.store);
      const error = { code: 'deadline_exceeded', message: 'Too late.' };
      await session.store.jobs.complete(key, { type: 'failed', error, partial: part });
      expect(await findJob(session.store, job)).toMatchObject({
        status: 'failed',
        error,
        usage: part.usage,
        output: { completion: part.completion, finishReason: 'timeout', generationId: null },
      });
      expect((await session.store.generations.list({ ownerId: 'local', after: null, limit: 10 })).items).toEqual([]);
    });

    it('cancel with the text so far', async () => {
      const job = await submit();
      const { key } = await claimSome(session.store);
      await session.store.jobs.requestCancel(job.ownerId, job.id);
      await session.store.jobs.complete(key, { type: 'canceled', partial: part });
      expect(await findJob(session.store, job)).toMatchObject({
        status: 'canceled',
        output: { completion: part.completion, finishReason: 'canceled', generationId: null },
      });
    });

    it('succeed when the text was whole before the cancel was seen', async () => {
      const job = await submit();
      const { key } = await claimSome(session.store);
      await session.store.jobs.requestCancel(job.ownerId, job.id);
      await session.store.jobs.complete(key, succeeded);
      expect((await findJob(session.store, job)).status).toBe('succeeded');
    });

    it.each([retried, { type: 'released' } as const])(
      'cancel instead of going back to the queue ($type)',
      async (outcome) => {
        const job = await submit();
        const { key } = await claimSome(session.store);
        await session.store.jobs.requestCancel(job.ownerId, job.id);
        await session.store.jobs.complete(key, outcome);
        expect((await findJob(session.store, job)).status).toBe('canceled');
        expect(await claimNext(session.store)).toBeNull();
      },
    );

    it('replace U+0000, which Postgres cannot store', async () => {
      const job = await submit();
      const { key } = await claimSome(session.store);
      await session.store.jobs.complete(key, { type: 'succeeded', result: { ...result, completion: 'a\0b' } });
      expect((await findJob(session.store, job)).output?.completion).toBe('a\uFFFDb');
    });

    it('cancel a queued job at once and a terminal one not at all', async () => {
      const job = await submit();
      expect(await session.store.jobs.requestCancel(job.ownerId, job.id)).toMatchObject({
        status: 'canceled',
        version: 2,
        output: null,
      });
      expect(await session.store.jobs.requestCancel(job.ownerId, job.id)).toMatchObject({
        status: 'canceled',
        version: 2,
      });
      expect(await session.store.jobs.requestCancel('somebody else', job.id)).toBeNull();
      expect(await claimNext(session.store)).toBeNull();
    });

    it('recognize their own end by the attempt and actor of its event', async () => {
      await submit();
      const { key } = await claimSome(session.store);
      await session.store.jobs.complete(key, succeeded);
      await session.execute(
        `update job_events set data = '{"slot":3,"actor":"worker","attempt":1}' where type = 'job-succeeded'`,
      );
      expect(await session.store.jobs.complete(key, succeeded)).toBe('already');
      await session.execute(`update job_events set data = '{"attempt":1,"actor":"reconciler"}' where seq = 3`);
      expect(await session.store.jobs.complete(key, succeeded)).toBe('stale');
    });

    it('leave one event for each transition, numbered like the versions', async () => {
      const job = await submit();
      const first = await claimSome(session.store);
      await session.store.jobs.complete(first.key, { type: 'released' });
      const second = await claimSome(session.store);
      await session.store.jobs.requestCancel(job.ownerId, job.id);
      await session.store.jobs.complete(second.key, { type: 'canceled', partial: null });
      const events = await session.execute(`select seq, type from job_events where job_id = '${job.id}' order by seq`);
      expect(events).toEqual(
        ['queued', 'claimed', 'released', 'claimed', 'cancel-requested', 'canceled'].map((type, index) => ({
          seq: index + 1,
          type: `job-${type}`,
        })),
      );
      expect((await findJob(session.store, job)).version).toBe(events.length);
    });
  });

  describe(`the reconciler on ${name}`, () => {
    const session = sessionPerTest(open);
    const submit = async (overrides: Partial<NewJob> = {}) => await session.store.jobs.submit(newJob(overrides));

    it('gives a job up after three lost workers', async () => {
      const job = await submit({ maxAttempts: 10 });
      for (let crash = 1; crash <= 3; crash += 1) {
        await claimSome(session.store);
        expect(await session.store.jobs.rescueLostJobs(10)).toEqual([]);
        await session.travel(crash * (leaseMs + 1_000));
        expect(await session.store.jobs.rescueLostJobs(10)).toEqual([job.id]);
        expect((await findJob(session.store, job)).crashCount).toBe(crash);
      }
      expect(await findJob(session.store, job)).toMatchObject({ status: 'failed', error: { code: 'worker_lost' } });
    });

    it('blames no attempt that waits for an engine of its own', async () => {
      const job = await submit({ maxAttempts: 2 });
      for (const [attempt, isWaiting, crashCount, releasedCount] of [
        [1, true, 0, 1],
        [2, false, 1, 1],
      ] as const) {
        const { key } = await claimSome(session.store);
        expect(await session.store.jobs.setWaiting(key, true)).toBe(true);
        if (!isWaiting) expect(await session.store.jobs.setWaiting(key, false)).toBe(true);
        await session.travel(attempt * (leaseMs + 1_000));
        expect(await session.store.jobs.rescueLostJobs(10)).toEqual([job.id]);
        expect(await session.store.jobs.setWaiting(key, true)).toBe(false);
        expect(await findJob(session.store, job)).toMatchObject({
          status: 'queued',
          attempt,
          crashCount,
          releasedCount,
        });
      }
      // The mark goes with its attempt.
      await claimSome(session.store);
      await session.travel(3 * (leaseMs + 1_000));
      expect(await session.store.jobs.rescueLostJobs(10)).toEqual([job.id]);
      expect(await findJob(session.store, job)).toMatchObject({ status: 'failed', crashCount: 2 });
    });

    it('counts a lost job with a cancel request, and cancels it, though it waited', async () => {
      const job = await submit();
      const { key } = await claimSome(session.store);
      await session.store.jobs.setWaiting(key, true);
      await session.store.jobs.requestCancel('local', job.id);
      await session.travel(leaseMs + 1_000);
      expect(await session.store.jobs.rescueLostJobs(10)).toEqual([job.id]);
      expect((await findJob(session.store, job)).status).toBe('canceled');
    });

    it('fails a job whose last attempt was lost, and cancels a lost job with a cancel request', async () => {
      const last = await submit({ maxAttempts: 1 });
      const canceled = await submit({ ownerId: 'other' });
      await claimSome(session.store);
      await claimSome(session.store);
      await session.store.jobs.requestCancel('other', canceled.id);
      await session.travel(leaseMs + 1_000);
      expect(await session.store.jobs.rescueLostJobs(10)).toHaveLength(2);
      expect(await findJob(session.store, last)).toMatchObject({ status: 'failed', error: { code: 'worker_lost' } });
      expect((await findJob(session.store, canceled)).status).toBe('canceled');
    });

    it('expires queued jobs past their deadline, and nothing else', async () => {
      const job = await submit({ deadlineMs: 1_000 });
      await submit({ deadlineMs: 100_000 });
      const started = await submit({ deadlineMs: 1_000, priorityClass: 0 });
      expect((await claimSome(session.store)).job.id).toBe(started.id);
      expect(await session.store.jobs.expireJobs(10)).toEqual([]);
      await session.travel(2_000);
      expect(await session.store.jobs.expireJobs(10)).toEqual([job.id]);
      expect(await findJob(session.store, job)).toMatchObject({
        status: 'expired',
        error: { code: 'deadline_exceeded' },
      });
    });

    it('takes no more rows than its limit, and none twice', async () => {
      const jobs = await Promise.all(Array.from({ length: 7 }, () => submit()));
      for (const { id } of jobs) expect((await claimSome(session.store)).job.id).toHaveLength(id.length);
      await session.travel(leaseMs + 1_000);
      expect(await session.store.jobs.rescueLostJobs(3)).toHaveLength(3);
      const rest = await Promise.all(
        [session.store, ...session.others].map(({ jobs: other }) => other.rescueLostJobs(10)),
      );
      expect(new Set(rest.flat()).size).toBe(rest.flat().length);
      expect(rest.flat()).toHaveLength(4);
    });
  });
}
