/** The header `Retry-After` of receivers. */

/** HTTP dates in the form that servers send. Others are too many, and `Date.parse` takes nonsense for dates. */
const httpDate = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;

/**
 * @see https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 * @param value  Whole seconds or a date; null: there is no header.
 * @returns null for anything else
 */
export function retryAfterMsOf(value: string | null, nowMs = Date.now()): number | null {
  if (value === null) return null;
  if (/^\d+$/.test(value)) return Number(value) * 1_000;
  const atMs = httpDate.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}
