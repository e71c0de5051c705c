/** Measures of the service, from the rows of its jobs. */
import {
  type Job,
  type JobTrace,
  type LevelName,
  meanLevels,
  type NewJob,
  newId,
  type Outcome,
  quantilesOf,
  secondCounts,
} from '@prosemill/core';
import { describe, expect, it } from 'vitest';
import { claimSome, findJob, newJob, type OpenSession, result, sessionPerTest } from './session.ts';

const secondMs = 1_000;
const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
const secondsBetween = (begin: Date | null, end: Date | null): number => (Number(end) - Number(begin)) / secondMs;

/** A success with these times, which writes 50 tokens. */
const success = (firstTokenMs: number | null, generationMs: number): Outcome => ({
  type: 'succeeded',
  result: {
    ...result,
    usage: { promptTokens: 4, completionTokens: 50 },
    timeToFirstTokenMs: firstTokenMs,
    generationMs,
  },
});

const levelsOf = (trace: JobTrace, level: LevelName): readonly number[] => meanLevels(trace, level, 60);

export function describeMeasures(name: string, open: OpenSession): void {
  describe(`measures on ${name}`, () => {
    const session = sessionPerTest(open);
    const submit = async (overrides: Partial<NewJob> = {}): Promise<Job> =>
      await session.store.jobs.submit(newJob(overrides));

    /** Claims the next job at a time of the database's clock, and ends it at another. @returns the ended job */
    async function run(claimAt: number, endAt: number, outcome: Outcome): Promise<Job> {
      await session.travel(claimAt);
      const { key, job } = await claimSome(session.store);
      await session.travel(endAt);
      await session.store.jobs.complete(key, outcome);
      return await findJob(session.store, job);
    }

    it('trace the jobs of the last minute back, as they waited, ran and wrote', async () => {
      await submit({ priorityClass: 0 });
      await submit({ priorityClass: 2 });
      await submit({ priorityClass: 1 });
      const first = await run(10 * secondMs, 20 * secondMs, success(1_000, 6_000));
      const { job: running } = await claimSome(session.store);
      await session.travel(30 * secondMs);
      const waiting = await submit({ priorityClass: 2 });
      await session.travel(40 * secondMs);
      const canceled = await session.store.jobs.requestCancel('local', waiting.id);
      await session.travel(50 * secondMs);
      const trace = await session.store.measures.trace({ seconds: 60, tokensPerSecond: 3 });
      expect(sumOf(levelsOf(trace, 0))).toBeCloseTo(secondsBetween(first.createdAt, first.startedAt), 2);
      expect(sumOf(levelsOf(trace, 1))).toBeCloseTo(secondsBetween(running.createdAt, running.startedAt), 2);
      const ranFor = secondsBetween(running.startedAt, trace.now);
      expect(sumOf(levelsOf(trace, 'running'))).toBeCloseTo(
        secondsBetween(first.startedAt, first.finishedAt) + ranFor,
        2,
      );
      // The first text wrote ten tokens a second in its last five seconds.
      const tokens = levelsOf(trace, 'tokens');
      expect(sumOf(tokens)).toBeCloseTo(50 + 3 * ranFor, 1);
      const end = Math.floor(60 - secondsBetween(first.finishedAt, trace.now));
      expect(tokens.slice(end - 4, end)).toEqual([10, 10, 10, 10].map((rate) => expect.closeTo(rate, 2) as number));
      expect(tokens[end - 7]).toBe(0);
      expect(sumOf(secondCounts(trace, 'accepted', 60))).toBe(4);
      expect(sumOf(secondCounts(trace, 'canceled', 60))).toBe(1);
      expect(secondCounts(trace, 'succeeded', 60).indexOf(1)).toBe(end);
      expect(secondsBetween(waiting.createdAt, canceled?.finishedAt ?? null)).toBeGreaterThan(9);
    });

    it('count what was before the traced span only as far as it reaches into it', async () => {
      await submit();
      await submit();
      await run(10 * secondMs, 20 * secondMs, success(0, 8_000));
      await run(90 * secondMs, 100 * secondMs, success(0, 8_000));
      const trace = await session.store.measures.trace({ seconds: 5, tokensPerSecond: 3 });
      expect(meanLevels(trace, 'running', 5)[0]).toBeCloseTo(1, 2);
      expect(meanLevels(trace, 1, 5)).toEqual([0, 0, 0, 0, 0]);
      expect(sumOf(meanLevels(trace, 'tokens', 5))).toBeLessThan(5 * (50 / 8));
      expect(sumOf(secondCounts(trace, 'accepted', 5))).toBe(0);
      expect(sumOf(secondCounts(trace, 'succeeded', 5))).toBe(1);
    });

    it('count the jobs of the last while', async () => {
      const { measures } = session.store;
      const none = { succeeded: 0, failed: 0, canceled: 0, expired: 0 };
      const now = expect.any(Date) as Date;
      expect(await measures.countJobs(60_000)).toEqual({ now, accepted: 0, ended: none });
      for (let jobs = 0; jobs < 3; jobs += 1) await submit();
      await run(0, 0, success(1, 2));
      await run(0, 100_000, { type: 'failed', error: { code: 'generation_failed', message: '' }, partial: null });
      const late = await submit();
      await session.store.jobs.requestCancel('local', late.id);
      expect(await session.store.measures.countJobs(60_000)).toEqual({
        now,
        accepted: 1,
        ended: { ...none, failed: 1, canceled: 1 },
      });
      expect(await session.store.measures.countJobs(600_000)).toMatchObject({ accepted: 4, ended: { succeeded: 1 } });
    });

    it('add tallies up in periods of ten seconds, and keep them for an hour', async () => {
      const add = async (bucket: number, count: number): Promise<void> =>
        await session.store.measures.addTallies([
          { name: 'refused', bucket: 0, count: 1 },
          { name: 'estimate-error', bucket, count },
        ]);
      const sum = async (ms: number) =>
        new Map((await session.store.measures.sumTallies(ms)).map((each) => [each.name + each.bucket, each.count]));
      await session.store.measures.addTallies([]);
      expect(await sum(60_000)).toEqual(new Map());
      await add(7, 2);
      await add(7, 3);
      await session.travel(30_000);
      await add(8, 1);
      expect(await sum(60_000)).toEqual(
        new Map([
          ['refused0', 3],
          ['estimate-error7', 5],
          ['estimate-error8', 1],
        ]),
      );
      expect(await sum(10_000)).toEqual(
        new Map([
          ['refused0', 1],
          ['estimate-error8', 1],
        ]),
      );
      await session.travel(3_630_000);
      await add(7, 4);
      expect(await sum(60_000)).toEqual(
        new Map([
          ['refused0', 1],
          ['estimate-error7', 4],
        ]),
      );
    });

    it('count the times of succeeded jobs by window', async () => {
      for (let jobs = 0; jobs < 4; jobs += 1) await submit({ id: newId() });
      await run(0, 0, success(400, 500));
      await run(50_000, 50_000, success(40, 500));
      await run(55_000, 55_000, success(null, 500));
      await run(55_000, 55_000, { type: 'failed', error: { code: 'generation_failed', message: '' }, partial: null });
      const counts = await session.store.measures.countTimes({ windows: 2, windowMs: 15_000 });
      const quantile = (time: string, share: number): number | null | undefined => {
        const histogram = new Map(
          counts.filter((each) => each.time === time && each.window === 0).map(({ bucket, count }) => [bucket, count]),
        );
        return quantilesOf(histogram, [share])[0];
      };
      expect(new Set(counts.map(({ window }) => window))).toEqual(new Set([0]));
      expect(sumOf(counts.filter(({ time }) => time === 'total').map(({ count }) => count))).toBe(2);
      expect(quantile('firstToken', 0.5)).toBeCloseTo(40, -1);
      expect(quantile('queue', 0.01)).toBeGreaterThan(47_000);
      expect(quantile('total', 1)).toBeLessThan(60_000);
    });
  });
}
