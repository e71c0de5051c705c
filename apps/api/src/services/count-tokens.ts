/** Counts the tokens of a prompt, without reading much more of it than the model could. */
import type { Tokenizer } from '@prosemill/tokenizer';

/** More characters than a token has in any usual text. */
const charactersPerToken = 16;

/**
 * A prompt of a mebibyte takes seconds, in which the process does nothing else. So a long one is read from its
 * beginning, and no further when that has twice as many tokens as the context.
 * @returns the number of tokens; for a prompt that is much too long that of a beginning
 */
export function countTokens(prompt: string, tokenizer: Tokenizer, contextLength: number): number {
  for (let length = charactersPerToken * contextLength; length < prompt.length; length *= 2) {
    // Without half of a surrogate pair at the cut.
    const beginning = prompt.slice(0, length).replace(/[\uD800-\uDBFF]$/, '');
    const tokens = tokenizer.encode(beginning).length;
    if (tokens > 2 * contextLength) return tokens;
  }
  return tokenizer.encode(prompt).length;
}
