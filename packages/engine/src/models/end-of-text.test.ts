import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { readEndIds } from './end-of-text.ts';
import { folderSource } from './file-source.ts';

async function endIdsOf(
  generation: string | null,
  config: Readonly<Record<string, unknown>>,
): Promise<readonly number[]> {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-end-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  if (generation !== null) await writeFile(join(folder, 'generation_config.json'), generation);
  return await readEndIds(folderSource(folder), { file: 'config.json', fields: config });
}

const gpt2 = { model_type: 'gpt2', eos_token_id: 0 };

it.each([
  ['{"eos_token_id": [7, 5, 7]}', gpt2, [5, 7]],
  ['{"eos_token_id": 9}', gpt2, [9]],
  ['{"eos_token_id": []}', gpt2, []],
  ['{"eos_token_id": null}', gpt2, [0]],
  ['{"temperature": Infinity}', gpt2, [0]],
  [null, gpt2, [0]],
  [null, { model_type: 'gpt2', eos_token_id: [1, 2] }, [1, 2]],
  [null, { model_type: 'gpt2', eos_token_id: null }, []],
  [null, { model_type: 'gpt2' }, [50_256]],
  [null, { model_type: 'llama' }, []],
])('the end-of-text ids come from generation_config.json, else from config.json: %s, %o', async (file, config, ids) => {
  expect(await endIdsOf(file, config)).toEqual(ids);
});

it.each([
  ['{"eos_token_id": "50256"}', 'eos_token_id is "50256"'],
  ['{"eos_token_id": 1.5}', 'eos_token_id is 1.5'],
  ['{"eos_token_id": NaN}', 'eos_token_id is NaN'],
  ['{"eos_token_id": true}', 'eos_token_id is true'],
  ['{"eos_token_id": {"id": 1}}', 'eos_token_id is {"id":1}'],
  ['{"eos_token_id": [1, [2]]}', 'eos_token_id is [1,[2]]'],
  ['{"eos_token_id": 0', 'generation_config.json is not JSON'],
  ['', 'generation_config.json is not JSON'],
  ['[0]', 'generation_config.json holds a list'],
  ['null', 'generation_config.json holds null'],
])('generation_config.json is refused if it holds %s', async (file, words) => {
  await expect(endIdsOf(file, gpt2)).rejects.toMatchObject({
    code: 'engine_unavailable',
    message: expect.stringContaining(words),
  });
});

it('config.json is refused if its end of text is not an id', async () => {
  await expect(endIdsOf(null, { model_type: 'gpt2', eos_token_id: 'x' })).rejects.toThrow('config.json: eos_token_id');
});
