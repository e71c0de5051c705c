import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { main } from 'assemblyscript/asc';
import { expect, it } from 'vitest';

const folder = fileURLToPath(new URL('..', import.meta.url));

it('kernel.wasm is what its source compiles to', async () => {
  let compiled: Uint8Array | string = '';
  const { error } = await main(['--baseDir', folder, '--target', 'release'], {
    writeFile: (_name, contents) => {
      compiled = contents;
    },
  });
  expect(error).toBeNull();
  const wasm = readFileSync(`${folder}kernel.wasm`);
  expect(Buffer.from(compiled).equals(wasm) || 'run pnpm --filter @prosemill/kernel build').toBe(true);
});
