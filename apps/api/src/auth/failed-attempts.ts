/**
 * Bounds the database look-ups for API keys that this process does not know, by one token bucket. Client addresses have
 * no buckets of their own: a secret has 190 random bits, so only the database needs protection.
 */
import { refillMs, takeTokens } from '@prosemill/core';

/** The default rate limit for the reads of one key: a load that the database does not notice. */
const bucket = { size: 100, fillMs: 1_000 };

/** @param now  Milliseconds that never go back; tests bring their own. */
export function createFailedAttempts(now = (): number => performance.now()) {
  let fullAt = 0;
  return {
    /**
     * Takes a token before the look-up: concurrent guesses get no more than sequential ones.
     * @returns 0 if the look-up may go on; else the milliseconds after which the client should retry
     */
    admit(): number {
      const at = now();
      const { isAllowed, fullInMs } = takeTokens(bucket, { fullInMs: fullAt - at, cost: 1 });
      fullAt = at + fullInMs;
      return isAllowed ? 0 : bucket.fillMs;
    },

    /** Returns the token of an attempt whose key turned out to be valid. */
    refund(): void {
      fullAt -= refillMs(bucket);
    },
  };
}
