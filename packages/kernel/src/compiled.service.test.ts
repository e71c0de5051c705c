import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';

const folder = fileURLToPath(new URL('..', import.meta.url));
/** A program: an import of the compiler would bring its types, which weaken those of JavaScript's arrays everywhere. */
const compiler = join(folder, 'node_modules/assemblyscript/bin/asc.js');

it('kernel.wasm is what its source compiles to', async () => {
  const scratch = await mkdtemp(join(tmpdir(), 'prosemill-kernel-'));
  onTestFinished(async () => await rm(scratch, { recursive: true }));
  const outFile = join(scratch, 'kernel.wasm');
  await promisify(execFile)(process.execPath, [compiler, '--target', 'release', '--outFile', outFile], { cwd: folder });
  const [compiled, wasm] = await Promise.all([readFile(outFile), readFile(join(folder, 'kernel.wasm'))]);
  expect(compiled.equals(wasm) || 'run pnpm --filter @prosemill/kernel build').toBe(true);
});
