/** The small models that testkit writes for the tests of model folders are complete models. */
import { expect, it } from 'vitest';
import { createTestFolders } from './test-folders.ts';

const { write, run } = createTestFolders();

it.each(['fp32', 'int8'] as const)('writes a text in %s', async (dtype) => {
  const { text, ending } = await run(await write('small'), { dtype });
  expect(text).not.toBe('');
  expect(ending?.reason).not.toBe('error');
});
