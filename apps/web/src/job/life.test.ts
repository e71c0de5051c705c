import { expect, it } from 'vitest';
import { describeLife, type JobEvent } from './life.ts';

/** A log with these events, each some milliseconds after the one before. */
function logOf(steps: readonly (readonly [JobEvent['type'], number, number])[]): readonly JobEvent[] {
  let at = Date.parse('2026-11-29T12:00:00.000Z');
  return steps.map(([type, attempt, afterMs], index) => {
    at += afterMs;
    return { seq: index + 1, type, at: new Date(at).toISOString(), data: { attempt, actor: 'worker' } };
  });
}

it('tells a plain run as one wait and one attempt', () => {
  const { moments, stretches } = describeLife(
    logOf([
      ['job-queued', 0, 0],
      ['job-claimed', 1, 19],
      ['job-succeeded', 1, 240],
    ]),
  );

  expect(moments.map(({ name, tone }) => [name, tone])).toEqual([
    ['queued', 'plain'],
    ['attempt 1', 'plain'],
    ['succeeded', 'end'],
  ]);
  expect(stretches).toEqual([
    { kind: 'waiting', seq: 1, attempt: 0, lengthMs: 19, width: 19, isFolded: false, isFault: false },
    { kind: 'running', seq: 2, attempt: 1, lengthMs: 240, width: 240, isFolded: false, isFault: false },
  ]);
});

it('marks the attempt that lost its worker, and says what came of it', () => {
  const { moments, stretches } = describeLife(
    logOf([
      ['job-queued', 0, 0],
      ['job-claimed', 1, 20],
      ['job-rescued', 1, 300],
      ['job-claimed', 2, 20],
      ['job-succeeded', 2, 200],
    ]),
  );

  expect(stretches.filter(({ isFault }) => isFault).map(({ attempt }) => attempt)).toEqual([1]);
  expect(moments[2]).toMatchObject({ tone: 'fault', sentence: 'Its worker was lost, so the job runs again.' });
});

it('folds a wait that is much longer than the rest, and never a run', () => {
  const { stretches } = describeLife(
    logOf([
      ['job-queued', 0, 0],
      ['job-claimed', 1, 7_200_000],
      ['job-succeeded', 1, 200],
    ]),
  );
  expect(stretches[0]).toMatchObject({ isFolded: true, lengthMs: 7_200_000, width: 400 });

  const longRun = describeLife(
    logOf([
      ['job-queued', 0, 0],
      ['job-claimed', 1, 1],
      ['job-succeeded', 1, 60_000],
    ]),
  );
  expect(longRun.stretches.map(({ isFolded }) => isFolded)).toEqual([false, false]);
});

it('leaves the last stretch open while the job goes on, and a cancel request splits none', () => {
  const { stretches } = describeLife(
    logOf([
      ['job-queued', 0, 0],
      ['job-claimed', 1, 20],
      ['job-cancel-requested', 1, 50],
    ]),
  );

  expect(stretches.map(({ kind, lengthMs }) => [kind, lengthMs])).toEqual([
    ['waiting', 20],
    ['running', null],
  ]);
});
