/** Compares the words of texts with those of Python's tokenizers. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createTokenizer, type Tokenizer } from './index.ts';

interface Step {
  readonly name: string;
  readonly normalizer: object | null;
  readonly pre_tokenizer: object;
  readonly words: readonly (readonly [text: string, words: readonly string[]])[];
}

const { steps } = JSON.parse(readFileSync(new URL('../test-data/text-steps.json', import.meta.url), 'utf8')) as {
  readonly steps: readonly Step[];
};

const unknown = '<unk>';

/** A tokenizer in which these words are tokens and all others are unknown. */
function open(words: readonly string[], sections: object): Tokenizer {
  const vocab = Object.fromEntries([unknown, ...words].map((word, id) => [word, id]));
  const model = { type: 'WordLevel', vocab, unk_token: unknown };
  return createTokenizer(JSON.stringify({ tokenizer: { model, ...sections }, config: {} }));
}

describe('the words of a text', () => {
  it.each(steps)("are those of Python's tokenizers with $name", ({ normalizer, pre_tokenizer, words: cases }) => {
    const words = [...new Set(cases.flatMap(([, texts]) => texts))];
    const tokenizer = open(words, { normalizer, pre_tokenizer });
    const wordOf = (id: number): string => [unknown, ...words][id] ?? '';
    const filled = cases.filter(([, texts]) => texts.length > 0);
    expect(filled.map(([text]) => [text, tokenizer.encode(text).map(wordOf)])).toEqual(filled);
    for (const [text] of cases.filter(([, texts]) => texts.length === 0)) {
      expect(() => tokenizer.encode(text)).toThrow('has no tokens');
    }
  });

  it('of a tokenizer that the library would read differently are refused', () => {
    const pattern = { Regex: 'a' };
    const inverted = { type: 'Split', pattern, behavior: 'Contiguous', invert: true };
    expect(() => open([], { pre_tokenizer: inverted })).toThrow('invert');
    const bpe = { type: 'BPE', vocab: { a: 0, '##b': 1 }, merges: [], continuing_subword_prefix: '##' };
    expect(() => open([], { model: bpe })).toThrow('continuing_subword_prefix');
    expect(open([], { model: { ...bpe, continuing_subword_prefix: '' } }).encode('a')).toEqual([0]);
  });
});
