/** The lines of a text that comes in parts. */

/**
 * `readline` ends a line at U+2028 and U+2029 too, which JSON may have as they are.
 * @param maxLength  The most characters of a line; default: any number.
 * @throws {RangeError} for a longer line, before it is whole
 */
export async function* splitLines(
  parts: AsyncIterable<string>,
  maxLength = Number.POSITIVE_INFINITY,
): AsyncGenerator<string, void> {
  // A string that grew by each part would be searched from its start again.
  let pieces: string[] = [];
  let length = 0;
  for await (const part of parts) {
    for (const [index, piece] of part.split('\n').entries()) {
      if (index > 0) {
        yield pieces.join('').replace(/\r$/, '');
        pieces = [];
        length = 0;
      }
      pieces.push(piece);
      length += piece.length;
      if (length > maxLength) throw new RangeError(`A line has more than ${maxLength} characters.`);
    }
  }
  if (length > 0) yield pieces.join('');
}
