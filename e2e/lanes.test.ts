import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Test files and their projects, listed by vitest. */
async function listFiles(...args: readonly string[]): Promise<readonly { file: string; projectName: string }[]> {
  const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
  const list = [vitest, 'list', ...args, '--filesOnly', '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, list, {
    cwd: root,
    env: { PATH: process.env['PATH'] },
  });
  return JSON.parse(stdout) as { file: string; projectName: string }[];
}

const exclude = (name: string): boolean => name === 'node_modules' || name === 'data';

it('every test file is in exactly one lane', async () => {
  const files = globSync('**/*.test.ts', { cwd: root, exclude }).map((path) => `${root}${path}`);
  const listed = await listFiles('--project=*');
  expect(listed.map(({ file }) => file).toSorted()).toEqual(files.toSorted());
});

it.each([
  ['pnpm test', [], ['alone', 'service', 'unit']],
  ['pnpm test with a path', ['e2e/faults/redis'], ['faults']],
])('%s runs its lanes', async (_name, args, lanes) => {
  const listed = await listFiles(...args);
  expect([...new Set(listed.map(({ projectName }) => projectName))].toSorted()).toEqual(lanes);
});
