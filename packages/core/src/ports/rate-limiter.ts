/** The port of the rate limits: buckets of tokens, one for each key and sort of request. Implemented by packages/queue. */

/** What became of one request for a token. */
export interface RateVerdict {
  readonly isAllowed: boolean;
  /** Whole tokens that are left. */
  readonly remaining: number;
  /** Until the bucket is full, if nobody takes more. */
  readonly fullInMs: number;
  /** Until there is a token again; 0 if there was one. */
  readonly retryInMs: number;
}

export interface RateLimiter {
  /**
   * Takes a token, if there is one, from a bucket that holds `perMinute` and fills in a minute; a new bucket is full. Never throws,
   * and hardly waits: where the shared buckets are away, the process goes on with its own.
   */
  take(bucket: string, perMinute: number): Promise<RateVerdict>;
}
