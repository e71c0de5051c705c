import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { loadBatchedModel } from './load-batched-model.ts';

const shipped = fileURLToPath(new URL('../../../../models/tiny-tales', import.meta.url));

/** The shipped model with another generation_config.json, or none. */
async function folderWith(generationConfig: string | null): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-model-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  for (const name of await readdir(shipped)) {
    if (name !== 'generation_config.json') await symlink(join(shipped, name), join(folder, name));
  }
  if (generationConfig !== null) await writeFile(join(folder, 'generation_config.json'), generationConfig);
  return folder;
}

it.each([
  ['{"eos_token_id": [5, 7]}', [5, 7]],
  ['{"eos_token_id": 9}', [9]],
  ['{"eos_token_id": null}', [0]],
  ['{}', [0]],
  [null, [0]],
])('ends texts where generation_config.json says, else where config.json does (%s)', async (config, endIds) => {
  const runner = await loadBatchedModel(
    {
      type: 'load',
      engine: 'batched',
      folder: await folderWith(config),
      dtype: 'fp32',
      graphFile: join(tmpdir(), 'prosemill-test-models', 'graphs', 'end-ids.onnx'),
      slots: 1,
      threads: 1,
      contextLength: 256,
      tokenizer: '',
    },
    () => undefined,
  );
  expect([...runner.endIds]).toEqual(endIds);
});
