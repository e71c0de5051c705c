import { describeRateLimiterConformance } from '@prosemill/testkit';
import { describe, expect, it } from 'vitest';
import { createInProcessRateLimiter } from './in-process-rate-limiter.ts';

describeRateLimiterConformance('memory', async () => ({
  limiter: createInProcessRateLimiter(),
  close: async () => undefined,
}));

describe('buckets of one process', () => {
  it('are full a minute after the last token, and half full after half of it', () => {
    let time = 1_000;
    const limiter = createInProcessRateLimiter(() => time);
    const takeAll = (): number => {
      let taken = 0;
      while (limiter.takeNow({ bucket: 'bucket', perMinute: 100 }).isAllowed) taken += 1;
      return taken;
    };
    expect(takeAll()).toBe(100);
    time += 30_000;
    expect(takeAll()).toBe(50);
    time += 60_000;
    expect(takeAll()).toBe(100);
    time += 3_600_000;
    expect(takeAll()).toBe(100);
  });
});
