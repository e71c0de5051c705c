/** Both engines take only the end of text from generation_config.json. */
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GenerationEnding } from '@prosemill/core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createTextGenerator } from './index.ts';
import { type Engine, engines } from './models/model-files.ts';
import { testOptions } from './test-options.ts';

const shipped = fileURLToPath(new URL('../../../models/tiny-tales', import.meta.url));

/** Each of these settings changes a text of Hugging Face's generate, or makes it fail. */
const settings = {
  no_repeat_ngram_size: 1,
  suppress_tokens: Array.from({ length: 2_000 }, (_, id) => id),
  begin_suppress_tokens: Array.from({ length: 4_000 }, (_, id) => id),
  forced_bos_token_id: 5,
  forced_eos_token_id: 7,
  bad_words_ids: [[11], [12, 13]],
  repetition_penalty: 9,
  min_length: 100,
  min_new_tokens: 100,
  max_length: 5,
  exponential_decay_length_penalty: [1, 2],
  num_return_sequences: 3,
  num_beams: 4,
  guidance_scale: 3,
  do_sample: true,
  temperature: 0.01,
  top_k: 1,
  top_p: 0.1,
};

interface Text {
  readonly text: string;
  readonly ending: GenerationEnding;
}

/** Makes a folder with the shipped model, in which `files` replace its own files. */
async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-generation-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  for (const name of await readdir(shipped)) {
    if (!(name in files)) await symlink(join(shipped, name), join(folder, name));
  }
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return folder;
}

/** @param temperatures  One text is written for each. */
async function write(engine: Engine, model: string, temperatures: readonly number[]): Promise<readonly Text[]> {
  const generator = createTextGenerator({ ...testOptions, engine, model });
  onTestFinished(async () => await generator.stop());
  await generator.start();
  const texts: Text[] = [];
  for (const temperature of temperatures) {
    const sampling = { maxLength: null, maxNewTokens: 24, temperature, topK: 50, topP: 1, repetitionPenalty: 1 };
    const request = { prompt: 'The old king', seed: 5, parameters: { ...sampling, stop: [] } };
    let text = '';
    for await (const event of generator.generate(request, new AbortController().signal)) {
      if (event.type === 'token-delta') text += event.text;
      if (event.type === 'generation-end') texts.push({ text, ending: event.ending });
    }
  }
  return texts;
}

const config = JSON.parse(await readFile(join(shipped, 'config.json'), 'utf8')) as object;

describe.each(engines)('%s', (engine) => {
  it.each([
    ['generation_config.json', { 'generation_config.json': JSON.stringify({ eos_token_id: 0, ...settings }) }],
    ['config.json', { 'config.json': JSON.stringify({ ...config, ...settings }) }],
    [
      'files with numbers that are not JSON',
      {
        'generation_config.json': '{"eos_token_id": 0, "temperature": NaN, "max_time": Infinity}',
        'config.json': JSON.stringify(config).replace(
          '{',
          '{"attn_pdrop": NaN, "other": [-Infinity, "NaN, Infinity"], ',
        ),
      },
    ],
  ])('ignores sampling settings in %s', async (_name, files) => {
    const expected = await write(engine, shipped, [0, 1]);
    expect(new Set(expected.map(({ text }) => text)).size).toBe(2);
    expect(await write(engine, await folderWith(files), [0, 1])).toEqual(expected);
  });

  it('ends texts at the token ids of generation_config.json', async () => {
    const [plain] = await write(engine, shipped, [0]);
    // 260 is the id of " the", which is a token of the text.
    const folder = await folderWith({ 'generation_config.json': '{"eos_token_id": [0, 260]}' });
    const [ended] = await write(engine, folder, [0]);
    expect(plain?.ending.reason).toBe('length');
    expect(ended?.ending.reason).toBe('stop');
    expect(plain?.text.startsWith(ended?.text ?? '?')).toBe(true);
  });
});
