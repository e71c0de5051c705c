import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createTokenizer, Detokenizer } from './index.ts';

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../models/tiny-tales/${name}`, import.meta.url), 'utf8'));
const record = JSON.stringify({ tokenizer: read('tokenizer.json'), config: read('tokenizer_config.json') });
const { cases } = read('golden.json') as { cases: { prompt: string; input_ids: number[] }[] };
const tokenizer = createTokenizer(record);

describe('tokenizer', () => {
  it.each(cases)('encodes %o to the ids that the training used', ({ prompt, input_ids }) => {
    expect(tokenizer.encode(prompt)).toEqual(input_ids);
  });

  it.each(['', ' ', 'a  b \n\t c .', 'naïve café', '日本語', '👩‍👩‍👧‍👦 🏳️‍🌈', 'x'.repeat(500)])(
    'encodes and decodes %o without change',
    (text) => {
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    },
  );

  it('encodes the name of a special token as that token, and decodes the token to nothing', () => {
    expect(tokenizer.encode('<|endoftext|>')).toEqual([0]);
    expect(tokenizer.decode([0])).toBe('');
  });

  it('decodes an added token as it is, also with the letter that stands for a space in other tokens', () => {
    const { tokenizer: json, config } = JSON.parse(record) as {
      tokenizer: { added_tokens: object[] };
      config: object;
    };
    const added = { ...json.added_tokens[0], id: 5000, content: 'A\u0120B', special: false };
    const added_tokens = [...json.added_tokens, added];
    const withLetter = createTokenizer(JSON.stringify({ tokenizer: { ...json, added_tokens }, config }));
    expect(withLetter.decode([5000, ...tokenizer.encode(' king')])).toBe('A\u0120B king');
  });
});

function stream(ids: readonly number[]): string[] {
  const detokenizer = new Detokenizer(tokenizer);
  return [...ids.map((id) => detokenizer.push(id)), detokenizer.flush()];
}

describe('detokenizer', () => {
  it.each(['Once upon a time, there was', 'naïve 👩‍👩‍👧‍👦 日本語 ends', '🏳️‍🌈'])('streams %o in whole characters', (text) => {
    const parts = stream(tokenizer.encode(text));
    expect(parts.join('')).toBe(text);
    for (const part of parts) expect(part).not.toContain('\uFFFD');
  });

  it('gives the same text as decoding all ids at once, for any ids', () => {
    // The first ids of the vocabulary are single bytes, so many of these sequences are invalid UTF-8.
    let state = 1;
    const next = (limit: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % limit;
    };
    for (let round = 0; round < 300; round += 1) {
      const ids = Array.from({ length: 1 + next(12) }, () => next(round % 2 === 0 ? 257 : 4096));
      expect(stream(ids).join('')).toBe(tokenizer.decode(ids));
    }
  });

  it('ends half a character with U+FFFD', () => {
    const ids = tokenizer.encode('👍').slice(0, -1);
    const parts = stream(ids);
    expect(parts.slice(0, -1).join('')).toBe('');
    expect(parts.at(-1)).toMatch(/^\uFFFD+$/);
  });
});
