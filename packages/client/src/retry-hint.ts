/** The hints of answers: whether a request may be repeated, and when. */

export interface RetryHint {
  readonly shouldRetry: boolean;
  /** Null: the answer names no time. */
  readonly afterMs: number | null;
}

/** Statuses with which proxies and load balancers say "not now". */
const passingStatuses: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 504]);
/** The backoff of repetitions without a time of the service: doubling, with a quarter of jitter. */
const backoff = { firstMs: 250, longestMs: 5_000 };

/** `x-should-retry` decides; an answer without it is not from the service, and its status decides. */
export function retryHintOf(status: number, headers: Headers): RetryHint {
  const word = headers.get('x-should-retry');
  const shouldRetry = word === null ? passingStatuses.has(status) : word === 'true';
  return { shouldRetry, afterMs: shouldRetry ? pauseOf(headers) : null };
}

/** The time after which the service wants the next request; null: it names none. */
export const pauseOf = (headers: Headers): number | null =>
  milliseconds(headers.get('retry-after-ms')) ??
  milliseconds(headers.get('openai-poll-after-ms')) ??
  retryAfterMs(headers.get('Retry-After'));

function milliseconds(text: string | null): number | null {
  return text !== null && /^\d+$/.test(text) ? Number(text) : null;
}

/** Whole seconds or a date (RFC 9110). `Date.parse` alone would also take words that just contain a number. */
function retryAfterMs(text: string | null): number | null {
  if (text === null) return null;
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  const date = /^[A-Z][a-z]+, .+ GMT$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? null : Math.max(0, date - Date.now());
}

/**
 * @param failures  In a row, from 1 on.
 * @returns the pause before the next request: up to a quarter longer than the hint, so that clients come apart. A proxy
 *   that names no time, or 0 s, gets the backoff.
 */
export function pauseBeforeRetry({ afterMs }: RetryHint, failures: number, random = Math.random()): number {
  const ms = afterMs || Math.min(backoff.firstMs * 2 ** (failures - 1), backoff.longestMs);
  return ms * (1 + random / 4);
}
