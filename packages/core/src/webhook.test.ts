import { describe, expect, it } from 'vitest';
import { deliveryRetryMs } from './webhook.ts';

const [minute, hour] = [60_000, 3_600_000];

describe('the pause before the next attempt at a delivery', () => {
  it('follows the schedule, ± 10 %, and ends it', () => {
    expect([0, 0.5, 1].map((random) => deliveryRetryMs(2, null, random))).toEqual([4.5, 5, 5.5].map((m) => m * minute));
    expect([7, 8].map((failures) => deliveryRetryMs(failures, null, 0.5))).toEqual([6 * hour, null]);
  });

  it('is never shorter than the receiver asks, up to the longest of the schedule', () => {
    expect([0, 1].map((random) => deliveryRetryMs(1, 10 * minute, random))).toEqual([10 * minute, 11 * minute]);
    expect(deliveryRetryMs(3, 10 * minute, 0)).toBe(27 * minute);
    expect(deliveryRetryMs(1, Number.POSITIVE_INFINITY, 0)).toBe(10 * hour);
    expect(deliveryRetryMs(8, hour)).toBeNull();
  });
});
