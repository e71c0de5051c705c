import { describe, expect, it } from 'vitest';
import { meanLevels, secondCounts } from './job-trace.ts';
import type { LevelChange } from './ports/measure-store.ts';

/** A change at a moment of the span, in seconds. */
const changeAt = (at: number, change: number): LevelChange => ({
  level: 'running',
  second: Math.floor(at),
  change,
  weightedChange: change * (1 - at + Math.floor(at)),
});

describe('the levels of a trace', () => {
  it('are the mean of each second', () => {
    const changes = [changeAt(0.5, 1), changeAt(1.25, 2), changeAt(1.75, -1), changeAt(3.25, -2)];
    expect(meanLevels({ changes }, 'running', 5)).toEqual([0.5, 2.25, 2, 0.5, 0]);
    expect(meanLevels({ changes }, 'tokens', 5)).toEqual([0, 0, 0, 0, 0]);
  });

  it('are never negative', () => {
    expect(meanLevels({ changes: [changeAt(0, 0.1 + 0.2), changeAt(1, -0.3 - 1e-12)] }, 'running', 3)[2]).toBe(0);
  });
});

it('the counts of a trace are those of each second', () => {
  const counts = [
    { type: 'accepted', second: 1, count: 3 },
    { type: 'failed', second: 2, count: 1 },
    { type: 'accepted', second: 3, count: 7 },
  ] as const;
  expect(secondCounts({ counts }, 'accepted', 3)).toEqual([0, 3, 0]);
});
