import { describe, expect, it } from 'vitest';
import { median, summarize } from './statistics.ts';

describe('median', () => {
  it('is the middle value, or the mean of the two middle values', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([9, 1, 5, 4])).toBe(4.5);
    expect(median([])).toBeNaN();
  });

  it('comes with the range', () => {
    expect(summarize([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
  });
});
