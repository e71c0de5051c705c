import { describe, expect, it } from 'vitest';
import { bucketOf, mergeHistograms, quantilesOf, type TimeHistogram } from './time-histogram.ts';

const histogramOf = (times: readonly number[]): TimeHistogram =>
  new Map([...Map.groupBy(times, bucketOf)].map(([key, all]) => [key, all.length]));

describe('quantiles of a histogram', () => {
  it('are within 5 % of the true ones, from parts of a millisecond to hours', () => {
    const times = Array.from({ length: 1_000 }, (_, index) => 0.5 * Math.exp(index / 60));
    const parts = [times.slice(0, 300), times.slice(300)].map(histogramOf);
    const shares = [0, 0.01, 0.5, 0.95, 0.99, 1];
    const found = quantilesOf(mergeHistograms(parts), shares);
    for (const [index, share] of shares.entries()) {
      const expected = times[Math.max(0, Math.ceil(share * times.length) - 1)] ?? Number.NaN;
      expect(Math.abs((found[index] ?? Number.NaN) - expected) / (expected + 1)).toBeLessThan(0.05);
    }
  });

  it('are unknown without times', () => {
    expect(quantilesOf(mergeHistograms([]), [0.5, 0.95])).toEqual([null, null]);
  });
});
