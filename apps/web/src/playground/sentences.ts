/** Whole sentences, for readers who hear a text while it is written. */

/** @returns the length of the part of a growing text that has only whole sentences */
export function wholeSentencesLength(text: string): number {
  let length = 0;
  for (const match of text.matchAll(/[.!?…]["'”’)]*\s+|\n+/gu)) length = match.index + match[0].length;
  return length;
}
