/** Finds a byte sequence in a stream of chunks, also across chunks. */

/** @returns a function for each next chunk, which tells whether the sequence ended in it */
export function createStreamMatcher(sequence: string): (chunk: Buffer) => boolean {
  const { length } = Buffer.from(sequence);
  let window: Buffer = Buffer.alloc(0);

  return function isFoundIn(chunk) {
    window = Buffer.concat([window, chunk]);
    const start = window.lastIndexOf(sequence);
    // The same bytes are never found twice.
    const kept = start === -1 ? window : window.subarray(start + length);
    window = kept.subarray(Math.max(0, kept.length - length + 1));
    return start !== -1;
  };
}
