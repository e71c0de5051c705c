/** Properties of the store that hold after any history of jobs, whether one caller acts at a time or many at once. */
import type { ClaimKey, Outcome } from '@prosemill/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { actTogether, drain, encounterArbitrary, goesForward, type Journal } from './concurrent-jobs.ts';
import { historyArbitrary } from './job-commands.ts';
import { type JobSystem, travel } from './job-steps.ts';
import { clearJobs, findBreaches, type JobSnapshot, readSnapshots } from './job-rows.ts';
import { ReferenceJobs } from './reference-jobs.ts';
import { type OpenSession, sessionPerTest } from './session.ts';

/** Takes some seconds. A thousand and more, which fast-check can be configured to, find rarer bugs. */
const everyRun = 25;

export function describeHistories(name: string, open: OpenSession): void {
  const runs = fc.readConfigureGlobal().numRuns ?? everyRun;
  describe(`histories on ${name}`, () => {
    const session = sessionPerTest(open);
    const check = async <Values>(property: fc.IAsyncPropertyWithHooks<Values>): Promise<void> =>
      await fc.assert(
        property.beforeEach(async () => await clearJobs(session)),
        // Without shrinking, which could outlast the test. The report has the seed that repeats the failure.
        { numRuns: runs, endOnFailure: true },
      );

    it('agree with the reference at every step, and every job ends', async () => {
      let hour = 0;
      const property = fc.asyncProperty(historyArbitrary, async (commands) => {
        const reference = new ReferenceJobs(hour);
        const system: JobSystem = { session, snapshots: [] };
        await fc.asyncModelRun(() => ({ model: reference, real: system }), commands);
        await travel(reference, system, 100);
        hour = reference.now;
        await drain(session.store);
        expectEnded(await readSnapshots(session), reference.jobs);
      });
      await check(property);
    });

    it('keep the invariants when everybody acts at once, and every job ends', async () => {
      const property = fc.asyncProperty(encounterArbitrary, async (encounter) => {
        const journal = await actTogether([session.store, ...session.others], encounter);
        const before = await readSnapshots(session);
        expectUnbroken(before);
        expectFenced(journal, before);
        await drain(session.store);
        const after = await readSnapshots(session);
        expectUnbroken(after, before);
        expectEnded(after, journal.submitted);
      });
      await check(property);
    });
  });
}

function expectUnbroken(rows: readonly JobSnapshot[], before: readonly JobSnapshot[] = []): void {
  const earlier = new Map(before.map((row) => [row.id, row]));
  const broken = rows.map((row) => ({ row, breaches: findBreaches(row, earlier.get(row.id)) }));
  expect(broken.filter(({ breaches }) => breaches.length > 0)).toEqual([]);
}

function expectEnded(rows: readonly JobSnapshot[], jobs: readonly { readonly id: string }[]): void {
  expectUnbroken(rows);
  expect(rows.map(({ id }) => id)).toEqual(jobs.map(({ id }) => id).toSorted());
  expect(rows.filter(({ finished_at: finishedAt, texts }) => finishedAt === null || texts > 0)).toEqual([]);
}

const keyOf = ({ id, attempt }: ClaimKey): string => `${id}/${attempt}`;

/** The answers agree with the rows: an attempt has one holder and one end. */
function expectFenced({ submitted, claims, applied, rescued, reads }: Journal, rows: readonly JobSnapshot[]): void {
  const ended = applied.map(({ key }) => keyOf(key));
  expect(new Set(claims.map(keyOf)).size).toBe(claims.length);
  expect(new Set(ended).size).toBe(ended.length);
  expect(rows.map(({ id }) => id)).toEqual(submitted.map(({ id }) => id).toSorted());
  for (const { id, attempt, status, crash_count: crashCount } of rows) {
    const outcomes = applied.filter(({ key }) => key.id === id).map(({ type }) => type);
    const countOf = (type: Outcome['type']): number => outcomes.filter((outcome) => outcome === type).length;
    const rescues = rescued.filter((rescuedId) => rescuedId === id).length;
    expect(claims.filter((key) => key.id === id)).toHaveLength(attempt);
    expect(countOf('succeeded')).toBe(status === 'succeeded' ? 1 : 0);
    expect(rescues + countOf('crashed')).toBe(crashCount);
    // Each attempt was ended by its worker or by a rescue, never by both.
    expect(outcomes.length + rescues + (status === 'running' ? 1 : 0)).toBe(attempt);
  }
  expect(reads.filter((pair) => !goesForward(pair))).toEqual([]);
}
