/** Buckets of one process. */
import { type RateLimiter, type RateVerdict, rateVerdict, refillMs, tokenMs } from '@prosemill/core';

/** With more, those that are full are forgotten: a new bucket is full too. */
const sweepFrom = 10_000;
/** Of sums of fractions, milliseconds. */
const rounding = 1e-3;

export interface InProcessRateLimiter extends RateLimiter {
  /** The same without a promise: nothing comes between looking and taking. */
  takeNow(bucket: string, perMinute: number): RateVerdict;
}

/** @param now  Milliseconds that never go back; tests bring their own. */
export function createInProcessRateLimiter(now = (): number => performance.now()): InProcessRateLimiter {
  const fullAt = new Map<string, number>();
  let sweepAt = sweepFrom;

  function takeNow(bucket: string, perMinute: number): RateVerdict {
    const time = now();
    const fullInMs = Math.max(0, (fullAt.get(bucket) ?? 0) - time);
    const afterwardsMs = fullInMs + tokenMs(perMinute);
    if (afterwardsMs > refillMs + rounding) return rateVerdict(false, fullInMs, perMinute);
    fullAt.set(bucket, time + afterwardsMs);
    if (fullAt.size > sweepAt) sweep(time);
    return rateVerdict(true, afterwardsMs, perMinute);
  }

  function sweep(time: number): void {
    for (const [bucket, at] of fullAt) if (at <= time) fullAt.delete(bucket);
    // Else a process with more buckets in use would look at all of them at each request.
    sweepAt = Math.max(sweepFrom, 2 * fullAt.size);
  }

  return { takeNow, take: async (bucket, perMinute) => takeNow(bucket, perMinute) };
}
