/** Ids: UUID v7, so that inserts stay close together in the index. No code reads time or order from an id. */

/** @param nowMs  Milliseconds since 1970; they become the first 48 bits. @see RFC 9562, §5.7 */
export function newId(nowMs: number = Date.now()): string {
  const time = nowMs.toString(16).padStart(12, '0');
  // `randomUUID` draws the random bits of many ids at once; `getRandomValues` would ask OpenSSL for each.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${crypto.randomUUID().slice(15)}`;
}
