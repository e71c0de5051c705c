/** The tokenizer files of a model folder, and the tokenizer record that is made from them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { characterTokenizer, writeGpt2Folder } from '@prosemill/testkit';
import { createTokenizer, type Tokenizer } from '@prosemill/tokenizer';
import { describe, expect, it, onTestFinished } from 'vitest';
import { describeModel } from './describe-model.ts';

interface Files {
  /** Fields of tokenizer_config.json. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Fields of special_tokens_map.json. */
  readonly map?: Readonly<Record<string, unknown>>;
}

async function tokenizerOf({ config = {}, map }: Files): Promise<Tokenizer> {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-tokenizer-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  const files = { ...characterTokenizer({ config }), 'special_tokens_map.json': map ?? null };
  await writeGpt2Folder(folder, { config: { vocab_size: 29 }, files });
  return createTokenizer((await describeModel(folder, ['batched'], 'fp32')).tokenizer);
}

/** A text whose characters have no tokens. */
const dropped = '日本';

describe('the beginning of text', () => {
  it.each<[where: string, files: Files]>([
    ['in tokenizer_config.json', { config: { bos_token: '<s>' } }],
    ['in special_tokens_map.json', { map: { bos_token: { content: '<s>', lstrip: false } } }],
    ['in special_tokens_map.json, which wins', { config: { bos_token: 'a' }, map: { bos_token: '<s>' } }],
    [
      'in tokenizer_config.json, which wins when it lists its added tokens',
      { config: { bos_token: '<s>', added_tokens_decoder: {} }, map: { bos_token: 'a' } },
    ],
  ])('is found %s, like in transformers', async (_where, files) => {
    expect((await tokenizerOf(files)).encode(dropped)).toEqual([0]);
  });

  it('is not invented if no file names it', async () => {
    const tokenizer = await tokenizerOf({});
    expect(() => tokenizer.encode(dropped)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });
});

it('the record has the vocabulary size, and a prompt with an added token beyond it is refused', async () => {
  const tokenizer = await tokenizerOf({ config: { added_tokens_decoder: { 29: { content: '<more>' } } } });
  expect(tokenizer.encode('more')).toHaveLength(4);
  expect(() => tokenizer.encode('<more>')).toThrow(expect.objectContaining({ code: 'invalid_request' }));
});
