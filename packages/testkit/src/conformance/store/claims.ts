/** The order of claims, and the exclusive ownership of a claimed row. */
import { assumedTokenBudget, type ClaimedJob, type Job, type NewJob, newId, type Store } from '@prosemill/core';
import { describe, expect, it } from 'vitest';
import {
  claimNext,
  claimSome,
  findJob,
  leaseMs,
  model,
  newJob,
  type OpenSession,
  sessionPerTest,
  succeeded,
} from './session.ts';

export function describeClaims(name: string, open: OpenSession): void {
  describe(`claims on ${name}`, () => {
    const session = sessionPerTest(open);
    const submit = async (overrides: Partial<NewJob> = {}) => await session.store.jobs.submit(newJob(overrides));

    it('hand out a queued job with a lease, an attempt and the model', async () => {
      const job = await submit();
      const claimed = await claimNext(session.store);
      expect(claimed).toMatchObject({
        job: { id: job.id, status: 'running', attempt: 1, version: 2, model },
        remainingMs: null,
      });
      expect(claimed?.job.startedAt).toBeInstanceOf(Date);
      expect(await claimNext(session.store)).toBeNull();
    });

    it('keep names as they are, whatever their characters', async () => {
      await submit();
      const odd = `it's a "model" \\ ' $1 ; -- 名`;
      const named = { name: odd, revision: `'${odd}`, engine: `${odd}\\`, dtype: `\\'`, fingerprint: `${odd}'` };
      const claimed = await session.store.jobs.claim({ workerId: `${odd}'`, leaseMs, model: named, fromClass: 0 });
      expect(claimed?.job.model).toEqual(named);
    });

    it('tell the age of the job, and how long it was claimable', async () => {
      await submit();
      await session.travel(60_000);
      const first = await claimNext(session.store);
      expect(minutesOf(first)).toEqual({ waited: 1, age: 1 });
      const key = { id: first?.job.id ?? '', attempt: 1 };
      const error = { code: 'generation_failed', message: 'once' };
      await session.store.jobs.complete(key, { type: 'retried', error, delayMs: 60_000 });
      await session.travel(240_000);
      const second = await claimNext(session.store);
      expect(minutesOf(second)).toEqual({ waited: 2, age: 4 });
      // The trace continues through every attempt.
      expect(second?.job.traceparent).toBe(newJob().traceparent);
    });

    it('find nothing while the queue is paused, in every process, and after a restart', async () => {
      const running = await submit();
      const { key } = await claimSome(session.store);
      const job = await submit();
      const pausedBy = { ownerId: 'acme', key: { id: newId(), name: 'night shift', prefix: 'pm_12345' } };
      const pause = await session.store.jobs.pause(pausedBy);
      expect(pause).toEqual({ pausedAt: expect.any(Date) as Date, pausedBy });
      expect(await session.store.jobs.pause({ ownerId: 'admin', key: null })).toEqual(pause);
      for (const store of [session.store, ...session.others]) {
        expect(await store.jobs.readPause()).toEqual(pause);
        for (const fromClass of [0, 1] as const) expect(await claimNext(store, fromClass)).toBeNull();
        expect(await store.jobs.countClaimable(null)).toBe(0);
        expect(await store.jobs.listClaimable({ fingerprint: null, after: null, limit: 1 })).toEqual([]);
      }
      // New stores on the same data.
      await session.travel(1_000);
      expect([await session.store.jobs.readPause(), await claimNext(session.store)]).toEqual([pause, null]);
      expect(await session.store.jobs.complete(key, succeeded)).toBe('applied');
      await session.store.jobs.resume();
      await session.store.jobs.resume();
      expect(await session.store.jobs.readPause()).toBeNull();
      expect((await claimNext(session.store))?.job.id).toBe(job.id);
      expect((await findJob(session.store, running)).status).toBe('succeeded');
    });

    it('hand out a job that requires a fingerprint only to a worker with this model', async () => {
      const required = await submit({ requiredFingerprint: 'another', priorityClass: 0 });
      const free = await submit();
      const { jobs } = session.store;
      expect([await jobs.countClaimable(null), await jobs.countClaimable(model.fingerprint)]).toEqual([1, 1]);
      expect(await jobs.countClaimable('another')).toBe(2);
      const listed = await jobs.listClaimable({ fingerprint: 'another', after: null, limit: 10 });
      expect(listed.map(({ id }) => id).toSorted()).toEqual([required.id, free.id].toSorted());
      expect((await claimNext(session.store))?.job.id).toBe(free.id);
      expect(await claimNext(session.store)).toBeNull();
      const another = { ...model, fingerprint: 'another' };
      const claimed = await jobs.claim({ workerId: 'worker-2', model: another, leaseMs, fromClass: 0 });
      expect(claimed?.job).toMatchObject({ id: required.id, requiredFingerprint: 'another', model: another });
    });

    it('leave deadlines and cancels alone while the queue is paused', async () => {
      await session.store.jobs.pause({ ownerId: 'local', key: null });
      const [late, canceled] = [await submit({ deadlineMs: 1_000 }), await submit()];
      await session.store.jobs.requestCancel('local', canceled.id);
      await session.travel(2_000);
      expect(await session.store.jobs.expireJobs(10)).toEqual([late.id]);
      expect((await findJob(session.store, canceled)).status).toBe('canceled');
    });

    it('follow class, then turn, then id', async () => {
      const low = await submit({ priorityClass: 2 });
      const normal = await submit({ priorityClass: 1, ownerId: 'a' });
      const second = await submit({ priorityClass: 1, ownerId: 'a' });
      const other = await submit({ priorityClass: 1, ownerId: 'b' });
      const interactive = await submit({ priorityClass: 0 });
      const order = [];
      for (let claims = 0; claims < 5; claims += 1) order.push((await claimSome(session.store)).job.id);
      expect(order).toEqual([interactive.id, normal.id, other.id, second.id, low.id]);
    });

    it('number the jobs of an owner one after another, in any order of arrival', async () => {
      const stores = [session.store, ...session.others];
      const submits = stores.flatMap(({ jobs }) => Array.from({ length: 30 }, () => jobs.submit(newJob())));
      const turns = (await Promise.all(submits)).map(({ turn }) => turn).toSorted((a, b) => a - b);
      expect(turns).toEqual(submits.map((_, index) => index + 1));
    });

    it('stores jobs that belong together in their order, or none of them', async () => {
      const { jobs } = session.store;
      const together = Array.from({ length: 128 }, () => newJob({ priorityClass: 0 }));
      const stored = await jobs.submitAll(together);
      expect(stored.map(({ id }) => id)).toEqual(together.map(({ id }) => id));
      expect(stored.map(({ turn }) => turn)).toEqual(stored.map((_, index) => index + 1));
      const [twin] = together;
      await expect(jobs.submitAll([newJob(), twin ?? newJob(), newJob()])).rejects.toThrow(/unique/i);
      expect((await jobs.measureQueue()).queued).toBe(128);
      expect(await jobs.submitAll([])).toEqual([]);
    });

    it('let a backlog of 500 delay another owner by at most one turn', async () => {
      await Promise.all(Array.from({ length: 500 }, () => submit({ ownerId: 'busy' })));
      const slots = 4;
      for (let claims = 0; claims < slots; claims += 1) await claimSome(session.store);
      const single = await submit({ ownerId: 'other' });
      const order: string[] = [];
      for (let claims = 0; claims < slots; claims += 1) order.push((await claimSome(session.store)).job.id);
      expect(order).toContain(single.id);
    });

    it('give a returning owner no credit for the time without jobs', async () => {
      for (let jobs = 0; jobs < 10; jobs += 1) {
        await submit({ ownerId: 'busy' });
        const { key } = await claimSome(session.store);
        await session.store.jobs.complete(key, succeeded);
      }
      const backlog = [];
      for (let jobs = 0; jobs < 3; jobs += 1) backlog.push(await submit({ ownerId: 'busy' }));
      const idle = [await submit({ ownerId: 'idle' }), await submit({ ownerId: 'idle' })];
      const turns = [...backlog, ...idle].map(({ turn }) => turn);
      // The new owner starts where the queue stands, not at 1 with ten turns in hand.
      expect(Math.min(...turns)).toBe(backlog[0]?.turn);
      expect(idle[0]?.turn).toBe(backlog[0]?.turn);
    });

    it('put a job before a later backlog, even when an older job has returned to the queue in between', async () => {
      const { jobs } = session.store;
      for (let submits = 0; submits < 20; submits += 1) await submit({ ownerId: 'busy' });
      const old = await claimSome(session.store);
      for (let claims = 1; claims < 20; claims += 1) {
        const { key } = await claimSome(session.store);
        await jobs.complete(key, succeeded);
      }
      const single = await submit({ ownerId: 'single' });
      await jobs.complete(old.key, { type: 'retried', error: { code: 'generation_failed', message: 'x' }, delayMs: 0 });
      for (let submits = 0; submits < 20; submits += 1) await submit({ ownerId: 'newcomer' });
      const order: string[] = [];
      // The newcomer's first job may share the single one's turn.
      for (let claims = 0; claims < 3; claims += 1) order.push((await claimSome(session.store)).job.id);
      expect(order).toContain(single.id);
    });

    it('start at the class that is asked for, and go back to earlier classes when it and later ones are empty', async () => {
      const order: string[] = [];
      for (const priorityClass of [2, 0, 1, 0] as const) order.push((await submit({ priorityClass })).id);
      const claimed: (string | undefined)[] = [];
      for (const fromClass of [1, 1, 2, 0] as const) claimed.push((await claimNext(session.store, fromClass))?.job.id);
      expect(claimed).toEqual([order[2], order[0], order[1], order[3]]);
    });

    it('give one job to exactly one of two claimers', async () => {
      const jobs = await Promise.all(Array.from({ length: 50 }, () => submit()));
      const claimers = Array.from({ length: 20 }, async (_, index) => {
        const store = [session.store, ...session.others][index % (1 + session.others.length)] as Store;
        const ids: string[] = [];
        for (let claimed = await claimNext(store); claimed !== null; claimed = await claimNext(store)) {
          ids.push(claimed.job.id);
        }
        return ids;
      });
      const claimed = (await Promise.all(claimers)).flat();
      expect(claimed.toSorted()).toEqual(jobs.map(({ id }) => id).toSorted());
    });

    it('skip jobs that are not due, past their deadline, or out of attempts', async () => {
      await submit({ deadlineMs: 1_000, ownerId: 'late' });
      await submit({ maxAttempts: 0, ownerId: 'exhausted' });
      const retried = await submit({ ownerId: 'due later' });
      await session.store.jobs.requestCancel('late', newId());
      await session.travel(2_000);
      const { key, job } = await claimSome(session.store);
      expect(job.id).toBe(retried.id);
      await session.store.jobs.complete(key, {
        type: 'retried',
        error: { code: 'generation_failed', message: 'x' },
        delayMs: 5_000,
      });
      expect(await claimNext(session.store)).toBeNull();
      expect(await session.store.jobs.countClaimable(null)).toBe(0);
      await session.travel(8_000);
      expect(await session.store.jobs.countClaimable(null)).toBe(1);
      expect((await claimNext(session.store))?.job).toMatchObject({ id: retried.id, attempt: 2 });
    });

    it('come before the start timeout if they are the first, and at any time after that', async () => {
      const started = await submit({ startTimeoutMs: 1_000, priorityClass: 0 });
      const { key } = await claimSome(session.store);
      const late = await submit({ startTimeoutMs: 1_000 });
      const patient = await submit({ startTimeoutMs: 60_000, ownerId: 'patient' });
      await session.store.jobs.complete(key, { type: 'released' });
      await session.travel(2_000);
      const { jobs } = session.store;
      expect((await jobs.listClaimable({ fingerprint: null, after: null, limit: 3 })).map(({ id }) => id)).toEqual([
        started.id,
        patient.id,
      ]);
      expect((await claimSome(session.store)).job.id).toBe(started.id);
      expect((await claimSome(session.store)).job.id).toBe(patient.id);
      expect(await claimNext(session.store)).toBeNull();
      expect(await session.store.jobs.expireJobs(10)).toEqual([late.id]);
      expect(await findJob(session.store, late)).toMatchObject({
        status: 'expired',
        error: { code: 'deadline_exceeded', message: expect.stringContaining('start timeout') },
      });
    });

    it('tell the time left until the deadline', async () => {
      await submit({ deadlineMs: 60_000 });
      const claimed = await claimNext(session.store);
      expect(claimed?.remainingMs).toBeGreaterThan(50_000);
      expect(claimed?.remainingMs).toBeLessThanOrEqual(60_000);
    });

    it('are renewed by their holder only, and tell it of a cancel', async () => {
      const job = await submit();
      const { key } = await claimSome(session.store);
      const { jobs } = session.store;
      expect(await jobs.renew(key, leaseMs)).toEqual({ cancelRequested: false, isWatched: false });
      expect(await jobs.renew({ ...key, attempt: 2 }, leaseMs)).toBeNull();
      const asked = await jobs.requestCancel(job.ownerId, job.id);
      expect(asked).toMatchObject({ status: 'running', version: 3 });
      expect(await jobs.renew(key, leaseMs)).toEqual({ cancelRequested: true, isWatched: false });
      // A renewal is no transition, so it leaves the version unchanged.
      expect((await findJob(session.store, job)).version).toBe(3);
      await session.travel(leaseMs - 5_000);
      await session.store.jobs.renew(key, leaseMs);
      await session.travel(leaseMs + 5_000);
      expect(await session.store.jobs.rescueLostJobs(10)).toEqual([]);
    });

    it('follow an order in which the load before each job can be measured', async () => {
      const first = await submit({ ownerId: 'a', tokenBudget: 30 });
      const second = await submit({ ownerId: 'a', tokenBudget: null });
      const urgent = await submit({ priorityClass: 0, tokenBudget: 100 });
      const { jobs } = session.store;
      const loads = [0, 1, 2].map((count) => ({ jobs: count, tokens: [0, 100, 130][count] }));
      const measureAll = async (limit: number) => {
        const ids = [first.id, second.id, urgent.id];
        const ahead = await jobs.listAhead(ids, limit);
        return ids.map((id) => ahead.get(id));
      };
      expect(await jobs.measureAhead(urgent, 1_000)).toEqual(loads[0]);
      expect(await jobs.measureAhead(second, 1_000)).toEqual(loads[2]);
      expect(await jobs.measureAhead(second, 1)).toEqual(loads[1]);
      expect(await measureAll(2)).toEqual([loads[1], undefined, loads[0]]);
      expect(await measureAll(3)).toEqual([loads[1], loads[2], loads[0]]);
      expect(await jobs.listMarks(1)).toEqual([urgent, first, second].map((job, index) => markOf(job, loads[index])));
      expect(await jobs.listMarks(2)).toEqual([markOf(urgent, loads[0]), markOf(second, loads[2])]);
      await claimSome(session.store);
      await claimSome(session.store);
      expect(await jobs.measureAhead(second, 1_000)).toEqual(loads[0]);
      expect(await measureAll(1_000)).toEqual([undefined, loads[0], undefined]);
      expect(await jobs.listAhead([], 1_000)).toEqual(new Map());
      const queuedByOwner = new Map([['a', { jobs: 1, tokens: assumedTokenBudget }]]);
      const tokens = { queuedTokens: assumedTokenBudget, runningTokens: 130, queuedByOwner };
      expect(await jobs.measureQueue()).toMatchObject({ queued: 1, running: 2, ...tokens });
    });

    it('can be foreseen: the turn of the next submit is known before it', async () => {
      const { jobs } = session.store;
      for (const ownerId of ['a', 'a', 'b', 'a', 'c']) {
        for (const priorityClass of [1, 2] as const) {
          const turn = await jobs.nextTurn(ownerId, priorityClass);
          expect((await submit({ ownerId, priorityClass })).turn).toBe(turn);
        }
        await claimSome(session.store);
      }
    });

    it('show in the measures of the queue: jobs by class, and the wait of the oldest', async () => {
      expect(await session.store.jobs.measureQueue()).toEqual({
        queued: 0,
        running: 0,
        queuedTokens: 0,
        runningTokens: 0,
        runningMs: 0,
        queuedByClass: new Map(),
        runningByClass: new Map(),
        queuedByOwner: new Map(),
        oldestQueuedMs: null,
      });
      await submit({ priorityClass: 1 });
      await session.travel(60_000);
      await submit({ priorityClass: 1, ownerId: 'b' });
      await submit({ priorityClass: 0 });
      await session.travel(120_000);
      const measure = await session.store.jobs.measureQueue();
      expect(measure.queuedByClass).toEqual(
        new Map([
          [0, 1],
          [1, 2],
        ]),
      );
      expect(Math.round((measure.oldestQueuedMs ?? 0) / 60_000)).toBe(2);
      for (let claims = 0; claims < 3; claims += 1) await claimSome(session.store);
      await session.travel(180_000);
      const afterwards = await session.store.jobs.measureQueue();
      expect(Math.round(afterwards.runningMs / 60_000)).toBe(3);
      expect(afterwards).toMatchObject({
        queued: 0,
        runningByClass: new Map([
          [0, 1],
          [1, 2],
        ]),
        oldestQueuedMs: null,
      });
    });

    it('are listed for hints page by page', async () => {
      const jobs = await Promise.all(Array.from({ length: 5 }, () => submit()));
      const pages = [];
      let after: string | null = null;
      do {
        const page: readonly { id: string; epoch: number }[] = await session.store.jobs.listClaimable({
          fingerprint: null,
          after,
          limit: 2,
        });
        pages.push(page.length);
        for (const { id, epoch } of page) expect([jobs.some((job) => job.id === id), epoch]).toEqual([true, 0]);
        after = page.length === 2 ? (page.at(-1)?.id ?? null) : null;
      } while (after !== null);
      expect(pages).toEqual([2, 2, 1]);
    });
  });
}

const markOf = ({ id, turn, priorityClass }: Job, ahead: unknown) => ({ id, turn, priorityClass, ahead });

const minutesOf = (claimed: ClaimedJob | null) =>
  claimed && { waited: Math.round(claimed.waitedMs / 60_000), age: Math.round(claimed.ageMs / 60_000) };
