/**
 * Bounds the database look-ups for API keys that this process does not know, by one token bucket. There is none for
 * each client address: a secret has 190 random bits, so that the database is all there is to protect.
 */
import { refillMs, takeTokens } from '@prosemill/core';

/** As many as one key may read, which the database does not feel. */
const bucket = { size: 100, fillMs: 1_000 };

/** @param now  Milliseconds that never go back; tests bring their own. */
export function createFailedAttempts(now = (): number => performance.now()) {
  let fullAt = 0;
  return {
    /**
     * Takes a token before the look-up, so that concurrent guesses get no more than sequential ones.
     * @returns 0; or the milliseconds after which the client should come again
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
