import { describe, expect, it } from 'vitest';
import { partsOf, shareOf } from './partition.ts';

const shape = {
  layers: 2,
  heads: 5,
  width: 60,
  innerWidth: 100,
  vocabulary: 301,
  positions: 64,
  epsilon: 1e-5,
  activation: 'gelu',
} as const;

describe.each([1, 2, 3, 4, 7, 32])('the parts of %i threads', (threads) => {
  it('have every head and every column once', () => {
    const heads = Array.from({ length: threads }, (_, thread) => shareOf(shape.heads, { thread, threads }));
    expect(heads.map(({ from, to }) => to - from).reduce((sum, count) => sum + count)).toBe(shape.heads);
    const parts = Array.from({ length: threads }, (_, thread) => partsOf(shape, { thread, threads }));
    for (const [linear, outputs] of [240, 64, 112, 64, 240, 64, 112, 64, 301].entries()) {
      const columns = parts
        .flatMap((part) => part[linear]?.ranges ?? [])
        .flatMap(({ from, to }) => Array.from({ length: to - from }, (_, index) => from + index));
      expect(columns.toSorted((a, b) => a - b)).toEqual(Array.from({ length: outputs }, (_, index) => index));
      for (const part of parts) expect((part[linear]?.columns ?? 0) % 16).toBe(0);
    }
  });
});
