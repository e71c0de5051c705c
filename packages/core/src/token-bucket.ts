/**
 * Token buckets by GCRA, the generic cell rate algorithm. A bucket is one number: the time at which it will be full.
 * Each token costs the time of its refill, and a bucket holds the tokens whose refill takes at most its `fillMs`.
 * @see ITU-T I.371, annex A
 */
import type { RateVerdict } from './ports/rate-limiter.ts';

export interface TokenBucket {
  /** Tokens in a full bucket. */
  readonly size: number;
  /** Time in which an empty bucket fills, evenly. */
  readonly fillMs: number;
}

export interface TokenRequest {
  /** Time until the bucket is full if nothing is taken; 0 or less for a full bucket. */
  readonly fullInMs: number;
  /** Tokens to take, all or none; negative: to give back. */
  readonly cost: number;
}

/** The tolerance for sums of fractions; Redis keeps three decimals. */
const roundingMs = 1e-3;

/** A bucket that fills in a minute. */
export const bucketPerMinute = (size: number): TokenBucket => ({ size, fillMs: 60_000 });

/** Time in which `cost` tokens come back. */
export const refillMs = ({ size, fillMs }: TokenBucket, cost = 1): number => (cost * fillMs) / size;

/** The caller keeps the time at which the bucket is full: `fullInMs` of the verdict from now. */
export function takeTokens(bucket: TokenBucket, { fullInMs, cost }: TokenRequest): RateVerdict {
  const beforeMs = Math.max(0, fullInMs);
  const afterwardsMs = Math.max(0, beforeMs + refillMs(bucket, cost));
  const isAllowed = afterwardsMs <= bucket.fillMs + roundingMs;
  return rateVerdict(bucket, isAllowed, { fullInMs: isAllowed ? afterwardsMs : beforeMs, cost });
}

/** @param fullInMs  After the tokens were taken, if they were. */
export const rateVerdict = (
  bucket: TokenBucket,
  isAllowed: boolean,
  { fullInMs, cost }: TokenRequest,
): RateVerdict => ({
  isAllowed,
  remaining: Math.max(0, Math.floor((bucket.fillMs - fullInMs + roundingMs) / refillMs(bucket))),
  fullInMs,
  retryInMs: isAllowed ? 0 : cost > bucket.size ? null : Math.max(0, fullInMs + refillMs(bucket, cost) - bucket.fillMs),
});
