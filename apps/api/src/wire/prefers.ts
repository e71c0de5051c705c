import { eventStreamMediaType } from '@prosemill/contract';
import { parseAccept } from 'hono/utils/accept';

export const wantsStream = (accept: string | undefined): boolean => prefers(accept, eventStreamMediaType);

/** Browsers want a page where their user goes; their scripts do not. */
export const wantsPage = (accept: string | undefined): boolean => prefers(accept, 'text/html');

/**
 * Whether the client prefers a media type to JSON, which is the answer to any other `Accept`. Of types with the same
 * quality the more specific one wins. `hono/accepts` ignores the wildcard for all types.
 * @see RFC 9110, section 12.5.1
 */
function prefers(accept: string | undefined, mediaType: string): boolean {
  const ranges = parseAccept(accept ?? '');
  const [wanted, json] = [mediaType, 'application/json'].map((type) => {
    const matching = ranges.map(({ type: range, q }) => ({ exactness: exactnessOf(range.toLowerCase(), type), q }));
    return matching.reduce((best, each) => (each.exactness > best.exactness ? each : best), { exactness: 0, q: 0 });
  });
  if (wanted === undefined || json === undefined || wanted.q === 0) return false;
  return wanted.q > json.q || (wanted.q === json.q && wanted.exactness > json.exactness);
}

/** @returns 0 when the type is not in the range */
function exactnessOf(range: string, type: string): number {
  if (range === type) return 3;
  if (range === `${type.split('/')[0]}/*`) return 2;
  return range === '*/*' ? 1 : 0;
}
