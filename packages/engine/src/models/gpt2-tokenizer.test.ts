/**
 * Tokenizers from vocab.json and merges.txt of the shipped model. transformers 5.24 gave the expected ids for the same
 * files.
 */
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTokenizer } from '@prosemill/tokenizer';
import { expect, it, onTestFinished } from 'vitest';
import { folderSource } from './file-source.ts';
import { findTokenizerFiles, readTokenizer } from './tokenizer-files.ts';

const shipped = fileURLToPath(new URL('../../../../models/tiny-tales', import.meta.url));
const prompts = ['Once upon a time', ' Hello  <|endoftext|> x <pad>!', "it's <new>"];
const [once, hello, its] = [
  [3005, 654, 259, 536],
  [395, 420, 79, 221, 221, 0, 221, 88, 221, 28, 80, 298, 30, 1],
  [274, 363, 221, 28, 639, 87, 30],
];
const helloPad = [395, 420, 79, 221, 221, 0, 221, 88, 221, 4096, 1];
const itsNew = [274, 363, 221, 4096];

it.each<[string, Readonly<Record<string, object>>, readonly (readonly number[])[]]>([
  ['nothing else', {}, [once, hello, its]],
  ['a class that is null', { 'tokenizer_config.json': { tokenizer_class: null } }, [once, hello, its]],
  [
    'add_prefix_space',
    { 'tokenizer_config.json': { add_prefix_space: true } },
    [[1599, 326, 654, 259, 536], hello, [311, 363, 221, 28, 639, 87, 30]],
  ],
  [
    'add_bos_token',
    { 'tokenizer_config.json': { add_bos_token: true, tokenizer_class: 'GPT2Tokenizer' } },
    [
      [0, ...once],
      [0, ...hello],
      [0, ...its],
    ],
  ],
  ['a new special token', { 'tokenizer_config.json': { pad_token: '<pad>' } }, [once, helloPad, its]],
  [
    'a map of special tokens',
    { 'special_tokens_map.json': { pad_token: { content: '<pad>' } } },
    [once, helloPad, its],
  ],
  ['added_tokens.json', { 'added_tokens.json': { '<new>': 4096 } }, [once, hello, itsNew]],
  [
    'added_tokens_decoder',
    { 'tokenizer_config.json': { added_tokens_decoder: { 4096: { content: '<new>', special: true } } } },
    [once, hello, itsNew],
  ],
])('encodes prompts to the ids of Hugging Face with %s', async (_name, files, expected) => {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-tokenizer-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  for (const name of ['vocab.json', 'merges.txt']) await copyFile(join(shipped, name), join(folder, name));
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), JSON.stringify(content));
  const source = folderSource(folder);
  const config = { file: 'config.json', fields: { model_type: 'gpt2' } };
  const found = await findTokenizerFiles(source, config);
  const tokenizer = createTokenizer(await readTokenizer(source, found, { config, vocabulary: 4_097 }));
  expect(prompts.map((prompt) => tokenizer.encode(prompt))).toEqual(expected);
});
