/** Ids: UUID v7, so that inserts stay close together in the index. No code reads time or order from an id. */

/** @param nowMs  Milliseconds since 1970; they become the first 48 bits. @see RFC 9562, §5.7 */
export function newId(nowMs: number = Date.now()): string {
  const bytes = crypto.getRandomValues(Buffer.alloc(16));
  bytes.writeUIntBE(nowMs, 0, 6);
  bytes.writeUInt8(0x70 | (bytes.readUInt8(6) & 0x0f), 6);
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
