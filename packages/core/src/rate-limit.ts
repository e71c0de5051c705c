/**
 * A bucket of tokens as one number, the time when it will be full: the generic cell rate algorithm. A token costs the time that its
 * refill takes, and a bucket whose refill would take longer than all of it has none.
 * @see ITU-T I.371, annex A
 */
import type { RateVerdict } from './ports/rate-limiter.ts';

/** What a whole bucket takes to fill. */
export const refillMs = 60_000;

/** How long the refill of one token takes. */
export const tokenMs = (perMinute: number): number => refillMs / perMinute;

/** @param fullInMs  After the token was taken, if it was. */
export function rateVerdict(isAllowed: boolean, fullInMs: number, perMinute: number): RateVerdict {
  return {
    isAllowed,
    remaining: Math.max(0, Math.floor((refillMs - fullInMs) / tokenMs(perMinute) + rounding)),
    fullInMs,
    retryInMs: isAllowed ? 0 : Math.max(0, fullInMs + tokenMs(perMinute) - refillMs),
  };
}

/** Of sums of fractions, in tokens. */
const rounding = 1e-6;
