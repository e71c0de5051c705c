import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createTestFolder, writeGpt2Folder } from '@prosemill/testkit';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('test-failing-thread.ts', import.meta.url));

it.each([
  ['calling', { code: 1 }, 'the calling thread failed'],
  ['other', { signal: 'SIGKILL' }, 'A thread of the engine failed: memory access out of bounds'],
])('an error in the %s thread ends the process at once, with the reason on standard error', async (...of) => {
  const [failing, ending, reason] = of;
  const folder = join(await createTestFolder(), 'model');
  await writeGpt2Folder(folder, { config: { n_head: 1 } });
  const ended = promisify(execFile)(process.execPath, [script, folder, failing], { timeout: 20_000 });
  await expect(ended).rejects.toMatchObject({ ...ending, stderr: expect.stringContaining(reason) as string });
});
