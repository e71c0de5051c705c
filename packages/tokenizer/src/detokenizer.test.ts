/** Decodes texts in parts after a prompt, with every kind of decoder. */
import { readFileSync } from 'node:fs';
import { tokenizerKinds, type TokenizerFiles } from '@prosemill/testkit';
import { describe, expect, it } from 'vitest';
import { createTokenizer, Detokenizer, type Tokenizer } from './index.ts';

interface Golden {
  readonly kinds: Readonly<
    Record<string, { readonly decode: readonly (readonly [ids: readonly number[], text: string])[] }>
  >;
}

const { kinds: golden } = JSON.parse(
  readFileSync(new URL('../test-data/tokenizers.json', import.meta.url), 'utf8'),
) as Golden;

const open = (files: TokenizerFiles): Tokenizer =>
  createTokenizer(JSON.stringify({ tokenizer: files['tokenizer.json'], config: files['tokenizer_config.json'] }));

const kinds = Object.entries(tokenizerKinds).map(([name, files]) => ({ name, tokenizer: open(files()) }));

function stream(tokenizer: Tokenizer, promptIds: readonly number[], ids: readonly number[]): string[] {
  const detokenizer = new Detokenizer(tokenizer, promptIds);
  return [...ids.map((id) => detokenizer.push(id)), detokenizer.flush()];
}

/** The completion of Hugging Face's pipeline: it decodes all ids and removes as many characters as the prompt has. */
function completionOf(tokenizer: Tokenizer, promptIds: readonly number[], ids: readonly number[]): string {
  const promptCharacters = Array.from(tokenizer.decode(promptIds)).length;
  return Array.from(tokenizer.decode([...promptIds, ...ids]))
    .slice(promptCharacters)
    .join('');
}

describe.each(kinds)('a decoder of the kind $name', ({ name, tokenizer }) => {
  it("decodes like Python's tokenizers", () => {
    const cases = golden[name]?.decode ?? [];
    expect(cases.length).toBeGreaterThan(0);
    for (const [ids, text] of cases) expect([ids, tokenizer.decode(ids)]).toEqual([ids, text]);
  });

  it('gives the same text in parts, wherever the prompt ends', () => {
    for (const [ids] of golden[name]?.decode ?? []) {
      for (let cut = 0; cut <= ids.length; cut += 1) {
        const [promptIds, rest] = [ids.slice(0, cut), ids.slice(cut)];
        expect([ids, cut, stream(tokenizer, promptIds, rest).join('')]).toEqual([
          ids,
          cut,
          completionOf(tokenizer, promptIds, rest),
        ]);
      }
    }
  });

  it('emits no text of the prompt when no token follows', () => {
    for (const [ids] of golden[name]?.decode ?? []) expect(stream(tokenizer, ids, [])).toEqual(['']);
  });
});

describe('the space between prompt and text', () => {
  it.each(['metaspace', 'byteFallback', 'wordPiece', 'wordLevel', 'wordEnd'])('is written with %s', (name) => {
    const { tokenizer } = kinds.find((kind) => kind.name === name) ?? { tokenizer: null };
    if (tokenizer === null) throw new Error(name);
    const [promptIds, ids] = ['once upon', 'a time'].map((text) => tokenizer.encode(text)) as [number[], number[]];
    expect(stream(tokenizer, promptIds, ids).join('')).toBe(' a time');
  });

  it('comes with the first token', () => {
    const tokenizer = open(tokenizerKinds['metaspace']?.() ?? { 'tokenizer.json': {}, 'tokenizer_config.json': {} });
    const [prompt, next] = [tokenizer.encode('once upon a time'), tokenizer.encode('there was')];
    expect(stream(tokenizer, prompt, next)).toEqual([' there', ' was', '']);
  });
});

it('decodes only a few tokens at a time, however long the text is', () => {
  for (const { name, tokenizer } of kinds.filter((kind) => kind.name !== 'rewriting')) {
    let most = 0;
    const counting: Tokenizer = {
      ...tokenizer,
      decode(ids) {
        most = Math.max(most, ids.length);
        return tokenizer.decode(ids);
      },
    };
    const text = tokenizer.encode('there was a king '.repeat(20));
    stream(counting, text, text);
    expect([name, most]).toEqual([name, Math.min(most, 8)]);
  }
});
