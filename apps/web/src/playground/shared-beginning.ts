/** The beginning that texts share. */

/** @returns its length in UTF-16 units, which splits no character; 0 for a single text */
export function sharedBeginning(texts: readonly string[]): number {
  const [first, ...others] = texts;
  if (first === undefined || others.length === 0) return 0;
  let length = 0;
  for (const character of first) {
    if (!others.every((other) => other.startsWith(character, length))) break;
    length += character.length;
  }
  return length;
}
