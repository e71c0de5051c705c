/** Counts the tokens of a prompt, and reads hardly more of it than the context of the model holds. */
import type { Tokenizer } from '@prosemill/tokenizer';

/** More characters than a token has in any usual text. */
const charactersPerToken = 16;

/**
 * To tokenize a mebibyte takes seconds, in which the process does nothing else. So a growing beginning of a long prompt
 * is tokenized, until it has twice as many tokens as the context.
 * @returns the number of tokens; for a prompt that is much too long, that of a beginning
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
