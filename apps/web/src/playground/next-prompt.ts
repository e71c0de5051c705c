/** A text as the prompt of the next one. */

/**
 * @param maxCharacters in code points
 * @returns the end of the text, from the beginning of a word on, and whether something was cut off
 */
export function nextPrompt(text: string, maxCharacters: number): { readonly prompt: string; readonly isCut: boolean } {
  const characters = Array.from(text);
  if (characters.length <= maxCharacters) return { prompt: text, isCut: false };
  const end = characters.slice(-maxCharacters).join('');
  const isWordBefore = /\S$/u.test(characters.slice(0, -maxCharacters).join(''));
  const firstWord = isWordBefore ? end.search(/\s/u) : 0;
  // A single word of that length has no beginning to keep.
  const prompt = (firstWord < 0 ? end : end.slice(firstWord)).trimStart();
  return { prompt: prompt === '' ? end : prompt, isCut: true };
}
