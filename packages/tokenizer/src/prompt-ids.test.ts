/** Compares the ids of prompts with those of Python's libraries, and covers prompts without ids. */
import { readFileSync } from 'node:fs';
import { characterTokenizer, tokenizerKinds, type TokenizerFiles, wordLevelTokenizer } from '@prosemill/testkit';
import { describe, expect, it } from 'vitest';
import { createTokenizer, type Tokenizer } from './index.ts';

interface Golden {
  readonly kinds: Readonly<Record<string, { readonly encode: readonly (readonly [text: string, ids: number[]])[] }>>;
}

const { kinds: golden } = JSON.parse(
  readFileSync(new URL('../test-data/tokenizers.json', import.meta.url), 'utf8'),
) as Golden;

const open = (files: TokenizerFiles, more: object = {}): Tokenizer =>
  createTokenizer(
    JSON.stringify({ tokenizer: files['tokenizer.json'], config: files['tokenizer_config.json'], ...more }),
  );
const kindNames = Object.keys(tokenizerKinds);
const filesOf = (name: string, config: object = {}): TokenizerFiles => {
  const files = tokenizerKinds[name]?.() ?? characterTokenizer();
  return { ...files, 'tokenizer_config.json': { ...files['tokenizer_config.json'], ...config } };
};
const unknown = '\u65e5\u672c';
const refusal = (words: string): unknown =>
  expect.objectContaining({ code: 'invalid_request', message: expect.stringContaining(words) as string });

describe('the ids of a prompt', () => {
  it.each(kindNames)("are those of Python's tokenizers with %s, if there are any", (name) => {
    const cases = (golden[name]?.encode ?? []).filter(([, ids]) => ids.length > 0);
    const tokenizer = open(filesOf(name));
    expect(cases.map(([text]) => [text, tokenizer.encode(text)])).toEqual(cases);
  });

  it.each(kindNames)(
    'are never empty with %s: a prompt without ids becomes the beginning of text, or is refused',
    (name) => {
      const [with_, without] = [open(filesOf(name, { bos_token: '<s>' })), open(filesOf(name))];
      const texts = (golden[name]?.encode ?? []).flatMap(([text, ids]) => (ids.length === 0 ? [text] : []));
      expect(texts.map((text) => with_.encode(text))).toEqual(texts.map(() => [0]));
      for (const text of texts) expect(() => without.encode(text)).toThrow(refusal('has no tokens'));
    },
  );

  it.each([
    ['its text', '<s>'],
    ['its settings', { __type: 'AddedToken', content: '<s>', lstrip: false }],
  ])('start with the beginning of text that is named by %s', (_, bos_token) => {
    const tokenizer = open(filesOf('character', { bos_token }));
    expect(tokenizer.encode(unknown)).toEqual([0]);
    expect(tokenizer.decode([0, 3, 4])).toBe('ab');
  });

  it.each([{}, { bos_token: null }, { bos_token: '' }, { bos_token: '<begin>' }])(
    'are refused when there are none and the config is %o',
    (config) => {
      expect(() => open(filesOf('character', config)).encode(unknown)).toThrow(refusal('has no tokens'));
    },
  );

  it('cannot represent an unknown character if the tokenizer has no token for it, so the prompt is refused', () => {
    const { vocab, ...model } = wordLevelTokenizer()['tokenizer.json']['model'] as { vocab: Record<string, number> };
    const { '<unk>': _, ...known } = vocab;
    const tokenizer = open(wordLevelTokenizer({ tokenizer: { model: { ...model, vocab: known } } }));
    expect(tokenizer.encode('once upon')).toEqual([3, 4]);
    expect(() => tokenizer.encode('once xyz')).toThrow(refusal('does not know'));
  });

  it('are refused if they are beyond the vocabulary of the model', () => {
    const surplus = { content: '<more>', special: false, normalized: false };
    const files = characterTokenizer({ config: { added_tokens_decoder: { 40: surplus } } });
    expect(open(files).encode('a<more>')).toEqual([3, 40]);
    expect(open(files, { vocabularySize: 41 }).encode('a<more>')).toEqual([3, 40]);
    const tokenizer = open(files, { vocabularySize: 40 });
    expect(tokenizer.encode('more')).toHaveLength(4);
    expect(() => tokenizer.encode('a<more>')).toThrow(refusal('the token 40'));
  });

  it('without a token, as in a padded embedding, are not decoded', () => {
    expect(open(filesOf('character')).decode([3, 1_000, 4])).toBe('ab');
  });
});

const beginning = { SpecialToken: { id: '<s>', type_id: 0 } };
const ending = { SpecialToken: { id: '</s>', type_id: 0 } };
const sequence = { Sequence: { id: 'A', type_id: 0 } };
const template = (...single: readonly object[]) => ({
  type: 'TemplateProcessing',
  single,
  pair: [...single, { Sequence: { id: 'B', type_id: 1 } }],
  special_tokens: {
    '<s>': { id: '<s>', ids: [0], tokens: ['<s>'] },
    '</s>': { id: '</s>', ids: [1], tokens: ['</s>'] },
  },
});
const byteLevel = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true };
const ends = { cls: ['<s>', 0], sep: ['</s>', 1] };

describe('the post-processor of tokenizer.json', () => {
  // transformers 5.24 gives the expected ids.
  it.each([
    ['none', null, [3, 4]],
    ['ByteLevel', byteLevel, [3, 4]],
    ['a template that begins the text', template(beginning, sequence), [0, 3, 4]],
    ['a template that begins and ends it', template(beginning, sequence, ending), [0, 3, 4, 1]],
    ['a template without special tokens', template(sequence), [3, 4]],
    ['a sequence', { type: 'Sequence', processors: [byteLevel, template(beginning, sequence)] }, [0, 3, 4]],
    ['RoBERTa', { type: 'RobertaProcessing', trim_offsets: true, add_prefix_space: true, ...ends }, [0, 3, 4, 1]],
    ['BERT', { type: 'BertProcessing', ...ends }, [0, 3, 4, 1]],
  ])('adds its tokens, whatever the settings in tokenizer_config.json: %s', (_, post_processor, ids) => {
    for (const config of [{}, { add_bos_token: true }, { add_bos_token: false }, { add_eos_token: true }]) {
      const files = characterTokenizer({ tokenizer: { post_processor }, config: { bos_token: '<s>', ...config } });
      expect(open(files).encode('ab')).toEqual(ids);
    }
  });
});
