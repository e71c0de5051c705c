/** The token buckets of one process. */
import { bucketPerMinute, type RateLimiter, type RateVerdict, type TakeRequest, takeTokens } from '@prosemill/core';

/** With more buckets than this, full ones are forgotten: a new bucket is full too. */
const sweepFrom = 10_000;

export interface InProcessRateLimiter extends RateLimiter {
  /** Synchronous `take`. */
  takeNow(request: TakeRequest): RateVerdict;
}

/** @param now  A monotonic clock in milliseconds, for tests. */
export function createInProcessRateLimiter(now = (): number => performance.now()): InProcessRateLimiter {
  const fullAt = new Map<string, number>();
  let sweepAt = sweepFrom;

  function takeNow({ bucket, perMinute, cost = 1 }: TakeRequest): RateVerdict {
    const time = now();
    const fullInMs = (fullAt.get(bucket) ?? 0) - time;
    const verdict = takeTokens(bucketPerMinute(perMinute), { fullInMs, cost });
    if (verdict.isAllowed) fullAt.set(bucket, time + verdict.fullInMs);
    if (fullAt.size > sweepAt) sweep(time);
    return verdict;
  }

  function sweep(time: number): void {
    for (const [bucket, at] of fullAt) if (at <= time) fullAt.delete(bucket);
    // The threshold grows with the buckets in use, or each request of a busy process would look at all of them.
    sweepAt = Math.max(sweepFrom, 2 * fullAt.size);
  }

  return { takeNow, take: async (request) => takeNow(request) };
}
