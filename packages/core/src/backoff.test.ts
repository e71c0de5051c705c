import { describe, expect, it } from 'vitest';
import { backoffMs } from './backoff.ts';

const bounds = { baseMs: 100, maxMs: 1_000 };

describe('backoff', () => {
  it('doubles up to the limit, and waits for at least half of that', () => {
    expect([1, 2, 3, 4, 5, 50].map((attempt) => backoffMs(attempt, bounds, () => 0))).toEqual([
      50, 100, 200, 400, 500, 500,
    ]);
  });

  it('makes the other half random', () => {
    expect(backoffMs(1, bounds, () => 0.5)).toBe(75);
  });
});
