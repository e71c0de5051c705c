/** The small models that testkit writes for the tests of model folders are complete models. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, writeGpt2Folder } from '@prosemill/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { writeTestText } from '../test-text.ts';

it.each(['fp32', 'int8'] as const)('writes a text in %s', async (dtype) => {
  const modelDir = await mkdtemp(join(tmpdir(), 'prosemill-small-'));
  onTestFinished(async () => await rm(modelDir, { recursive: true }));
  const folder = join(modelDir, 'small');
  await writeGpt2Folder(folder);
  const { text, ending } = await writeTestText(folder, { modelDir, dtype, logger: silentLogger });
  expect(text).not.toBe('');
  expect(ending?.reason).not.toBe('error');
});
