import { eventStreamMediaType } from '@prosemill/contract';
import { parseAccept } from 'hono/utils/accept';

/**
 * Whether the client prefers a stream to JSON, which is the answer to any other `Accept`. Of types with the same
 * quality the more specific one wins. `hono/accepts` ignores the wildcard for all types.
 * @see RFC 9110, section 12.5.1
 */
export function wantsStream(accept: string | undefined): boolean {
  const ranges = parseAccept(accept ?? '');
  const [stream, json] = [eventStreamMediaType, 'application/json'].map((type) => {
    const matching = ranges.map(({ type: range, q }) => ({ exactness: exactnessOf(range.toLowerCase(), type), q }));
    return matching.reduce((best, each) => (each.exactness > best.exactness ? each : best), { exactness: 0, q: 0 });
  });
  if (stream === undefined || json === undefined || stream.q === 0) return false;
  return stream.q > json.q || (stream.q === json.q && stream.exactness > json.exactness);
}

/** @returns 0 when the type is not in the range */
function exactnessOf(range: string, type: string): number {
  if (range === type) return 3;
  if (range === `${type.split('/')[0]}/*`) return 2;
  return range === '*/*' ? 1 : 0;
}
