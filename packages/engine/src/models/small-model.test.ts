/** The small models of testkit, from which the tests of folders are made, are models like any other. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, writeGpt2Folder } from '@prosemill/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { createTextGenerator } from '../create-text-generator.ts';

it.each(['fp32', 'int8'] as const)('writes a text in %s', async (dtype) => {
  const modelDir = await mkdtemp(join(tmpdir(), 'prosemill-small-'));
  onTestFinished(async () => await rm(modelDir, { recursive: true }));
  const folder = join(modelDir, 'small');
  await writeGpt2Folder(folder);
  const generator = createTextGenerator({
    model: folder,
    revision: undefined,
    engine: 'batched',
    dtype,
    modelDir,
    hubEndpoint: 'http://not.used',
    slots: 1,
    threads: 1,
    logger: silentLogger,
  });
  onTestFinished(async () => await generator.stop());
  await generator.start();
  const parameters = { maxLength: null, maxNewTokens: 9, temperature: 0, topK: 0, topP: 1, repetitionPenalty: 1 };
  const request = { prompt: 'The king', seed: 1, parameters: { ...parameters, stop: [] } };
  let text = '';
  for await (const event of generator.generate(request, new AbortController().signal)) {
    if (event.type === 'token-delta') text += event.text;
    if (event.type === 'generation-end') expect(event.ending.reason).not.toBe('error');
  }
  expect(text).not.toBe('');
});
