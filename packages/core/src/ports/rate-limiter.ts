/** The port of the rate limits: a token bucket for each key and kind of request. Implemented by packages/queue. */

export interface TakeRequest {
  /** Name of the bucket; a new one is full. */
  readonly bucket: string;
  /** Size of the bucket, and the tokens that come back in a minute. */
  readonly perMinute: number;
  /** Tokens to take, all or none; default 1. Negative: tokens to give back; a bucket never becomes more than full. */
  readonly cost?: number;
}

export interface RateVerdict {
  readonly isAllowed: boolean;
  /** Whole tokens that are left. */
  readonly remaining: number;
  /** Time until the bucket is full, if nobody takes more. */
  readonly fullInMs: number;
  /** Time until the bucket holds enough tokens; 0 if it did; null if the cost exceeds its size. */
  readonly retryInMs: number | null;
}

export interface RateLimiter {
  /** Never throws. Waits for shared buckets only briefly, and then uses those of the process. */
  take(request: TakeRequest): Promise<RateVerdict>;
}
