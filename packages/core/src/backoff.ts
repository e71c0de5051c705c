/** Waiting times before another try. */

export interface BackoffOptions {
  /** Upper bound of the first wait. */
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * Exponential backoff with equal jitter: half of the wait is fixed, so that no retry is immediate; half is random, so
 * that many processes spread out.
 * @param attempt  Tries so far, from 1.
 * @param random   A number in [0, 1).
 * @returns milliseconds, in [bound / 2, bound) with bound = min(maxMs, baseMs · 2^(attempt − 1))
 * @see Brooker 2015, "Exponential Backoff And Jitter", AWS Architecture Blog
 */
export function backoffMs(
  attempt: number,
  { baseMs, maxMs }: BackoffOptions,
  random: () => number = Math.random,
): number {
  const bound = Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(bound / 2 + (random() * bound) / 2);
}

/** Between attempts at one job after a transient error. */
export const retryBackoff: BackoffOptions = { baseMs: 1_000, maxMs: 30_000 };

/** Between tries to reach a database, a Redis or an engine process. */
export const reconnectBackoff: BackoffOptions = { baseMs: 500, maxMs: 10_000 };
