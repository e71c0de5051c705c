/** Counts the tokens of a prompt, and reads hardly more of it than the context of the model holds. */
import type { Tokenizer } from '@prosemill/tokenizer';

/** More characters than a token has in any usual text. */
const charactersPerToken = 16;

export interface TokenCount {
  readonly tokens: number;
  /** False for a prompt that has more tokens than these. */
  readonly isWhole: boolean;
}

/**
 * Tokenizing a mebibyte blocks the process for seconds. So a longer and longer beginning of a long prompt is tokenized,
 * until it has more than twice as many tokens as the context. The rest is then not counted.
 */
export function countTokens(prompt: string, tokenizer: Tokenizer, contextLength: number): TokenCount {
  const most = 2 * contextLength;
  for (let length = charactersPerToken * contextLength; length < prompt.length; length *= 2) {
    // Without half of a surrogate pair at the cut.
    const beginning = prompt.slice(0, length).replace(/[\uD800-\uDBFF]$/, '');
    const tokens = tokenizer.encode(beginning).length;
    if (tokens > most) return { tokens: most, isWhole: false };
  }
  return { tokens: tokenizer.encode(prompt).length, isWhole: true };
}
