import { existsSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTestFolder, writeGpt2Folder } from '@prosemill/testkit';
import { expect, it } from 'vitest';
import { describeModel } from '../models/describe-model.ts';
import { type DecoderSource, openDecoder, partsFileOf } from './open-decoder.ts';

async function sourceOfModel(): Promise<{ readonly source: DecoderSource; readonly path: string }> {
  const modelDir = await createTestFolder();
  await writeGpt2Folder(join(modelDir, 'model'));
  const { shape, ...described } = await describeModel(join(modelDir, 'model'), ['batched'], 'int8');
  if (shape === null) throw new TypeError('not a GPT-2 model');
  const model = { ...described, shape };
  const options = { threads: 1, texts: 1, rows: 10, wanted: 10 };
  const source: DecoderSource = { model, format: 'int8', modelDir, options, onProgress: () => undefined };
  return { source, path: partsFileOf(modelDir, model) };
}

it('a model that does not fit into the memory keeps its stored int8 parts, and the reason is told', async () => {
  const { source, path } = await sourceOfModel();
  await (await openDecoder(source)).close();
  const stored = await readFile(path);
  const tooMany = { ...source, options: { ...source.options, wanted: 2 ** 24 } };
  await expect(openDecoder(tooMany)).rejects.toThrow('does not fit');
  expect((await readFile(path)).equals(stored)).toBe(true);
});

it('int8 parts that vanish before they are opened are prepared once more', async () => {
  const { source, path } = await sourceOfModel();
  let preparations = 0;
  const decoder = await openDecoder({
    ...source,
    onProgress(phase, share) {
      if (phase !== 'building-int8' || share < 1) return;
      preparations += 1;
      if (preparations > 1) return;
      // The process that writes goes on, and this one opens the file only afterwards.
      while (!existsSync(path));
      rmSync(path);
    },
  });
  await decoder.close();
  expect(preparations).toBe(2);
});
