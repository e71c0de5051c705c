import { characterTokenizer } from '@prosemill/testkit';
import { createTokenizer } from '@prosemill/tokenizer';
import { describe, expect, it } from 'vitest';
import { countTokens } from './count-tokens.ts';

const files = characterTokenizer();
const characters = createTokenizer(
  JSON.stringify({ tokenizer: files['tokenizer.json'], config: files['tokenizer_config.json'] }),
);
/** One token for each word. */
const words = { ...characters, encode: (text: string) => text.split(/\s+/).map(() => 1) };

describe('the count of tokens', () => {
  it.each([1, 160, 161, 1_000])('is exact for %i characters that fit in the context', (length) => {
    expect(countTokens('a'.repeat(length), characters, 1_000)).toEqual({ tokens: length, isWhole: true });
  });

  it('is twice the context when a beginning has more tokens than that', () => {
    expect(countTokens('a'.repeat(1_000_000), characters, 10)).toEqual({ tokens: 20, isWhole: false });
  });

  it('goes on while the tokens are long', () => {
    expect(countTokens(`${'a'.repeat(99)} `.repeat(20).trim(), words, 10)).toEqual({ tokens: 20, isWhole: true });
    expect(countTokens(`${'a'.repeat(99)} `.repeat(1_000).trim(), words, 10)).toEqual({ tokens: 20, isWhole: false });
  });

  it('does not split surrogate pairs', () => {
    const texts: string[] = [];
    const reader = { ...words, encode: (text: string) => (texts.push(text), [1]) };
    countTokens(`a${'🦊'.repeat(1_000)}`, reader, 10);
    expect(texts.every((text) => text.isWellFormed())).toBe(true);
  });
});
