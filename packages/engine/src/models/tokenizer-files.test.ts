/** The tokenizer's files of a model folder, and the record made from them. */
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
  /** special_tokens_map.json */
  readonly map?: Readonly<Record<string, unknown>>;
}

async function tokenizerOf({ config = {}, map }: Files): Promise<Tokenizer> {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-tokenizer-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  const files = { ...characterTokenizer({ config }), 'special_tokens_map.json': map ?? null };
  await writeGpt2Folder(folder, { config: { vocab_size: 29 }, files });
  return createTokenizer((await describeModel(folder, ['batched'], 'fp32')).tokenizer);
}

/** No character of it has a token. */
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
  ])('is found %s, as transformers finds it', async (_where, files) => {
    expect((await tokenizerOf(files)).encode(dropped)).toEqual([0]);
  });

  it('is not made up', async () => {
    const tokenizer = await tokenizerOf({});
    expect(() => tokenizer.encode(dropped)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });
});

it('has the size of the vocabulary, beyond which an added token is refused', async () => {
  const tokenizer = await tokenizerOf({ config: { added_tokens_decoder: { 29: { content: '<more>' } } } });
  expect(tokenizer.encode('more')).toHaveLength(4);
  expect(() => tokenizer.encode('<more>')).toThrow(expect.objectContaining({ code: 'invalid_request' }));
});
