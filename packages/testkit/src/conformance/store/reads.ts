/** Submits, lists, records, models and workers; and the constraints of the database itself. */
import {
  type Cursor,
  defaultSamplingParameters,
  type Job,
  type JobFilter,
  lookMs,
  type NewJob,
  newId,
  type RecentJobQuery,
  type Store,
  workerGoneMs,
} from '@prosemill/core';
import { describe, expect, it } from 'vitest';
import { claimSome, findJob, model, newJob, type OpenSession, sessionPerTest, succeeded } from './session.ts';

export function describeReads(name: string, open: OpenSession): void {
  describe(`reads on ${name}`, () => {
    const session = sessionPerTest(open);
    const submit = async (overrides: Partial<NewJob> = {}) => await session.store.jobs.submit(newJob(overrides));

    it('list the jobs of some that have ended', async () => {
      const { jobs } = session.store;
      const [done, canceled, waiting] = [await submit(), await submit(), await submit()];
      const { key } = await claimSome(session.store);
      await jobs.complete(key, succeeded);
      await jobs.requestCancel('local', canceled.id);
      const ended = await jobs.listEnded([done.id, canceled.id, waiting.id, newId()]);
      expect(new Map(ended.map(({ id, status }) => [id, status]))).toEqual(
        new Map([
          [done.id, 'succeeded'],
          [canceled.id, 'canceled'],
        ]),
      );
      for (const { createdAt, finishedAt } of ended)
        expect(Number(finishedAt)).toBeGreaterThanOrEqual(Number(createdAt));
      expect(await jobs.listEnded([])).toEqual([]);
    });

    it('list the jobs of owners that may have changed lately', async () => {
      const { jobs } = session.store;
      const [old, waiting, running] = [await submit({ priorityClass: 0 }), await submit(), await submit()];
      await jobs.complete((await claimSome(session.store)).key, succeeded);
      await session.travel(60_000);
      await claimSome(session.store);
      const [fresh, verification] = [await submit(), await submit({ verifyOf: old.id })];
      const foreign = await submit({ ownerId: 'other' });
      const canceled = await submit();
      await session.store.jobs.requestCancel('local', canceled.id);
      const query = { ownerIds: ['local'], ms: 10_000, ids: [], limit: 100 };
      const list = async (changes: Partial<RecentJobQuery> = {}) =>
        new Map(
          (await session.store.jobs.listRecent({ ...query, ...changes })).map(({ id, ownerId, status, version }) => [
            id,
            [ownerId, status, version],
          ]),
        );
      const recent = new Map([
        [waiting.id, ['local', 'running', 2]],
        [fresh.id, ['local', 'queued', 1]],
        [canceled.id, ['local', 'canceled', 2]],
      ]);
      expect(await list()).toEqual(recent);
      expect(await list({ ids: [running.id, foreign.id, verification.id, newId()] })).toEqual(
        new Map([...recent, [running.id, ['local', 'queued', 1]]]),
      );
      expect((await list({ ownerIds: ['other', 'local'] })).get(foreign.id)).toEqual(['other', 'queued', 1]);
      expect((await list({ ms: 120_000 })).get(old.id)).toEqual(['local', 'succeeded', 3]);
      expect([(await list({ ownerIds: [] })).size, (await list({ limit: 2 })).size]).toEqual([0, 2]);
    });

    it('return a submitted job', async () => {
      const request = newJob({
        prompt: 'naïve 👩‍👩‍👧‍👦 "quoted" \\ line\nbreak',
        hasOwnSeed: false,
        tokenBudget: null,
        metadata: { 'naïve "key"': '👩‍👩‍👧‍👦' },
        deadlineMs: 5_000,
        isWatched: true,
        retryOf: newId(),
        verifyOf: newId(),
        requiredFingerprint: 'f',
      });
      const job = await session.store.jobs.submit(request);
      expect(job).toMatchObject({
        id: request.id,
        status: 'queued',
        version: 1,
        attempt: 0,
        dispatchEpoch: 0,
        prompt: request.prompt,
        parameters: request.parameters,
        seed: request.seed,
        hasOwnSeed: false,
        tokenBudget: null,
        metadata: request.metadata,
        startDeadlineAt: null,
        isWatched: true,
        retryOf: request.retryOf,
        verifyOf: request.verifyOf,
        requiredFingerprint: request.requiredFingerprint,
        traceparent: request.traceparent,
        model: null,
        output: null,
        startedAt: null,
        finishedAt: null,
      });
      expect(Number(job.deadlineAt) - Number(job.createdAt)).toBeCloseTo(5_000, -1);
      expect(await session.store.jobs.find('local', request.id)).toEqual(job);
    });

    it('fill in defaults for fields that an older version did not write, and keep fields of a newer version', async () => {
      const job = await submit();
      const stored = { maxNewTokens: 7, stop: ['x'], topK: 0, knownLater: true };
      await session.execute(`update jobs set parameters = '${JSON.stringify(stored)}'`);
      const parameters = { ...defaultSamplingParameters, ...stored };
      expect((await findJob(session.store, job)).parameters).toEqual(parameters);
      expect((await claimSome(session.store)).job.parameters).toEqual(parameters);
    });

    it('refuse a second job with the same id', async () => {
      const job = await submit();
      await expect(session.store.jobs.submit(newJob({ id: job.id }))).rejects.toThrow(/unique/i);
    });

    it('keep owners apart', async () => {
      const job = await submit({ ownerId: 'a' });
      const { key } = await claimSome(session.store);
      await session.store.jobs.complete(key, succeeded);
      const { output } = await findJob(session.store, job);
      const { jobs, generations } = session.store;
      expect(await jobs.find('b', job.id)).toBeNull();
      expect(await jobs.listEvents('b', job.id)).toBeNull();
      expect(await generations.find('b', output?.generationId ?? 0)).toBeNull();
      expect(await generations.find('a', output?.generationId ?? 0)).toMatchObject({ jobId: job.id });
      const everything = { after: null, limit: 10 };
      expect((await jobs.list({ ownerId: 'b', ...everything })).items).toEqual([]);
      expect((await generations.list({ ownerId: 'b', after: null, limit: 10 })).items).toEqual([]);
    });

    it('list the transitions of a job, oldest first', async () => {
      const job = await submit();
      await submit();
      const { key } = await claimSome(session.store);
      const { jobs } = session.store;
      await jobs.requestCancel('local', job.id);
      await jobs.complete(key, { type: 'canceled', partial: null });
      expect(await jobs.listEvents('local', job.id)).toEqual([
        { seq: 1, type: 'job-queued', at: expect.any(Date) as Date, attempt: 0, actor: 'api' },
        { seq: 2, type: 'job-claimed', at: expect.any(Date) as Date, attempt: 1, actor: 'worker' },
        { seq: 3, type: 'job-cancel-requested', at: expect.any(Date) as Date, attempt: 1, actor: 'api' },
        { seq: 4, type: 'job-canceled', at: expect.any(Date) as Date, attempt: 1, actor: 'worker' },
      ]);
      expect(await jobs.listEvents('local', newId())).toBeNull();
    });

    it('page through jobs newest first, even when they share a millisecond', async () => {
      const submitted = await Promise.all(Array.from({ length: 11 }, () => submit()));
      expect(await listInPages(session.store, {})).toEqual(newestFirst(submitted));
    });

    it('keep the text of a verification in its job, and out of all lists', async () => {
      const job = await submit();
      const { key } = await claimSome(session.store);
      await session.store.jobs.complete(key, succeeded);
      const verification = await submit({ verifyOf: job.id });
      const { key: second } = await claimSome(session.store);
      expect(await session.store.jobs.complete(second, succeeded)).toBe('applied');
      expect(await session.store.jobs.complete(second, succeeded)).toBe('already');
      const { completion } = (await findJob(session.store, job)).output ?? {};
      const found = await findJob(session.store, verification);
      expect(found).toMatchObject({ status: 'succeeded', output: { completion, generationId: null } });
      const all = { after: null, limit: 10 };
      const { jobs, generations } = session.store;
      expect((await jobs.list({ ownerId: 'local', ...all })).items.map(({ id }) => id)).toEqual([job.id]);
      expect((await generations.list({ ownerId: 'local', after: null, limit: 10 })).items).toHaveLength(1);
    });

    it('list jobs by status and time', async () => {
      const job = await submit();
      await submit({ priorityClass: 2 });
      await claimSome(session.store);
      const all = { ownerId: 'local', after: null, limit: 10 };
      const { jobs } = session.store;
      expect((await jobs.list({ ...all, statuses: ['running'] })).items.map(({ id }) => id)).toEqual([job.id]);
      expect((await jobs.list({ ...all, statuses: [] })).items).toEqual([]);
      const later = new Date(job.createdAt.getTime() + 60_000);
      expect((await jobs.list({ ...all, createdAfter: later })).items).toEqual([]);
      expect((await jobs.list({ ...all, createdBefore: later })).items).toHaveLength(2);
      expect((await jobs.list({ ...all, createdAfter: job.createdAt })).items).toHaveLength(2);
      expect((await jobs.list({ ...all, createdBefore: job.createdAt })).items).toEqual([]);
    });

    it('page through jobs of several statuses', async () => {
      const { jobs } = session.store;
      const submitted = await Promise.all(Array.from({ length: 12 }, () => submit()));
      const { key: done } = await claimSome(session.store);
      await jobs.complete(done, succeeded);
      const canceled = submitted.find(({ id }) => id !== done.id);
      await jobs.requestCancel('local', canceled?.id ?? '');
      for (let claims = 0; claims < 4; claims += 1) await claimSome(session.store);
      const unfinished = submitted.filter(({ id }) => id !== done.id && id !== canceled?.id);
      expect(await listInPages(session.store, { statuses: ['queued', 'running', 'queued'] })).toEqual(
        newestFirst(unfinished),
      );
      const ended = { statuses: ['succeeded', 'failed', 'canceled', 'expired'] } as const;
      expect(new Set(await listInPages(session.store, ended))).toEqual(new Set([done.id, canceled?.id]));
    });

    it('list the repetitions of a job', async () => {
      const { jobs } = session.store;
      const [first, other] = [await submit(), await submit()];
      const repetitions = [await submit({ retryOf: first.id }), await submit({ retryOf: first.id })];
      await submit({ retryOf: other.id });
      await submit({ retryOf: first.id, ownerId: 'b' });
      await jobs.requestCancel('local', repetitions[0]?.id ?? '');
      const query = { ownerId: 'local', retryOf: first.id, after: null, limit: 10 };
      const list = async (statuses?: JobFilter['statuses']) =>
        (await jobs.list({ ...query, statuses })).items.map(({ id }) => id);
      expect(new Set(await list())).toEqual(new Set(repetitions.map(({ id }) => id)));
      expect(await list(['queued'])).toEqual([repetitions[1]?.id]);
      expect((await jobs.list({ ...query, retryOf: newId() })).items).toEqual([]);
    });

    it('page through records newest first', async () => {
      for (let texts = 0; texts < 5; texts += 1) {
        await submit();
        const { key } = await claimSome(session.store);
        await session.store.jobs.complete(key, succeeded);
      }
      const { generations } = session.store;
      const first = await generations.list({ ownerId: 'local', after: null, limit: 3 });
      const second = await generations.list({ ownerId: 'local', after: first.items.at(-1) ?? null, limit: 3 });
      expect([first.hasMore, second.hasMore]).toEqual([true, false]);
      const ids = [...first.items, ...second.items].map(({ id }) => id);
      expect(ids).toEqual(ids.toSorted((a, b) => b - a));
      expect(ids).toHaveLength(5);
    });

    it('tell the versions of many jobs at once', async () => {
      const jobs = await Promise.all(Array.from({ length: 3 }, () => submit()));
      await claimSome(session.store);
      const versions = await session.store.jobs.versions([...jobs.map(({ id }) => id), newId()]);
      expect([...versions.values()].toSorted((a, b) => a - b)).toEqual([1, 1, 2]);
      const many = Array.from({ length: 2_500 }, () => newId());
      expect((await session.store.jobs.versions(many)).size).toBe(0);
    });

    it('keep models', async () => {
      const { models } = session.store;
      const record = { name: 'm', revision: 'r', contextLength: 512, tokenizer: '{}' };
      await models.save(record);
      await models.save({ ...record, contextLength: 1024 });
      expect(await models.find('m', 'r')).toEqual({ ...record, contextLength: 1024 });
      expect(await models.find('m', 'other')).toBeNull();
    });

    it('know the workers that live', async () => {
      const row = { id: 'w', state: 'ready' as const, loadProgress: null, note: null, model, slots: 1, busy: 0 };
      const speed = { stepMs: 2.5, textMs: 0.4, newTokenShare: 0.8 };
      const slot = { jobId: newId(), ownerId: 'local', tokens: 3, limit: 20 };
      const report = { ...row, speed, activity: { slots: [slot, null], tokensPerSecond: 12.5 } };
      const empty = { ...row, speed: null, activity: null };
      await session.store.workers.report({ ...empty, state: 'loading', loadProgress: 0.5, model: null });
      await session.store.workers.report(report);
      const listedAt = expect.any(Date) as Date;
      expect(await session.store.workers.listLive(15_000)).toEqual([{ ...report, listedAt }]);
      // Versions without the speed and the activity leave them out.
      await session.execute('update workers set speed = null, activity = null');
      expect(await session.store.workers.listLive(15_000)).toEqual([{ ...empty, listedAt }]);
      await session.travel(20_000);
      expect(await session.store.workers.listLive(15_000)).toEqual([]);
      await session.store.workers.report(report);
      await session.store.workers.remove('w');
      expect(await session.store.workers.listLive(15_000)).toEqual([]);
    });

    it('tell a worker that somebody looks, for some seconds after each look', async () => {
      const row = { state: 'ready' as const, loadProgress: null, note: null, model, slots: 1, busy: 0 };
      const report = async (id: string): Promise<boolean> =>
        await session.store.workers.report({ ...row, id, speed: null, activity: null });
      const look = async (): Promise<readonly string[]> => (await session.store.workers.look()).toSorted();
      expect([await look(), await report('a'), await report('b')]).toEqual([[], false, false]);
      // A second look at the same time has nothing to tell.
      expect([await look(), await look()]).toEqual([['a', 'b'], []]);
      expect([await report('a'), await report('new')]).toEqual([true, false]);
      expect(await look()).toEqual(['new']);
      await session.travel(0.8 * lookMs);
      expect([await report('a'), await look()]).toEqual([true, ['a', 'b', 'new']]);
      await session.travel(2 * lookMs);
      expect(await report('a')).toBe(false);
      await session.travel(workerGoneMs + lookMs);
      // The others are gone.
      expect([await report('c'), await look()]).toEqual([false, ['a', 'c']]);
    });

    it('migrate again without harm, and are ready', async () => {
      const job = await submit();
      await session.store.migrate();
      await session.store.requireReady();
      expect(await session.store.jobs.find('local', job.id)).toEqual(job);
    });

    it.each([
      ['a running job without a lease', `status = 'running'`],
      ['a lease without running', 'lease_until = created_at'],
      ['an ending without a time', `status = 'failed'`],
      ['a status that is none', `status = 'lost'`],
      ['a class that is none', 'class = 7'],
      ['more hand-backs than claims', 'released_count = 1'],
      ['a version that falls', 'version = 0'],
      ['a fencing token that falls', 'attempt = -1, released_count = -1'],
    ])('find that the database itself refuses %s', async (_name, change) => {
      const job = await submit();
      await expect(session.execute(`update jobs set ${change} where id = '${job.id}'`)).rejects.toThrow(/jobs_|fall/);
    });

    it('find that the database itself refuses to change a terminal job', async () => {
      const job = await submit();
      await session.store.jobs.requestCancel(job.ownerId, job.id);
      const update = `update jobs set status = 'queued', finished_at = null, version = 3 where id = '${job.id}'`;
      await expect(session.execute(update)).rejects.toThrow(/terminal/);
    });
  });
}

/** The ids of these jobs, read in pages. */
async function listInPages({ jobs }: Store, filter: JobFilter): Promise<readonly string[]> {
  const ids: string[] = [];
  let after: Cursor<string> | null = null;
  for (let hasMore = true; hasMore;) {
    const page = await jobs.list({ ...filter, ownerId: 'local', after, limit: 4 });
    ids.push(...page.items.map(({ id }) => id));
    after = page.items.at(-1) ?? null;
    ({ hasMore } = page);
  }
  return ids;
}

const newestFirst = (jobs: readonly Job[]): readonly string[] =>
  jobs.toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1)).map(({ id }) => id);
