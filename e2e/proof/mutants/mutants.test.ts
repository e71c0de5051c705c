import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { mutantEnvironment } from './mutant-environment.ts';
import { type Mutant, type MutantName, mutantNames, mutants, mutate, type Replacement } from './mutants.ts';
import { scenarios } from './scenarios.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const run = promisify(execFile);

describe.each(mutantNames)('the mutant %s', (name) => {
  const files = [...new Set(mutants[name].replacements.map(({ file }) => file))];

  it.each(files)('changes %s, which parses', (file) => {
    const source = readFileSync(`${root}${file}`, 'utf8');
    const mutated = mutate(name, file, source);
    expect(mutated).not.toBe(source);
    expect(() => stripTypeScriptTypes(mutated)).not.toThrow();
  });
});

it('every mutant has a finder, and its scenario is one if it has a scenario', () => {
  for (const name of mutantNames) {
    const { foundBy }: Mutant = mutants[name];
    expect(foundBy).not.toEqual([]);
    expect(foundBy.includes('scenario')).toBe(Object.hasOwn(scenarios, name));
  }
});

describe('a mutant that no longer fits the source', () => {
  const name: MutantName = 'no-new-epoch';
  const { file, find } = mutants[name].replacements[0] as Replacement;

  it.each([
    ['gone', 'something else', 0],
    ['there twice', `${find}; ${find}`, 2],
  ])('is refused: the text to replace is %s', (_name, source, times) => {
    expect(() => mutate(name, file, source)).toThrow(
      `Expected once in ${file}, for the mutant ${name}, and found ${times}`,
    );
  });
});

describe('the loader', () => {
  const program = `
    import { rescue } from './packages/core/src/index.ts';
    const state = { status: 'running', attempt: 1, releasedCount: 0, crashCount: 0, maxAttempts: 3, dispatchEpoch: 7, cancelRequested: false };
    console.log(rescue(state).dispatchEpoch);`;
  const start = async (environment: Record<string, string>) =>
    await run(process.execPath, ['--input-type=module', '--eval', program], {
      cwd: root,
      env: { PATH: process.env['PATH'], ...environment },
    });

  it('seeds the bug into a process, and no other bug', async () => {
    expect((await start({})).stdout).toBe('8\n');
    expect((await start(mutantEnvironment('no-new-epoch'))).stdout).toBe('7\n');
    expect((await start(mutantEnvironment('no-status-in-guard'))).stdout).toBe('8\n');
  });

  it('does not start a process with an unknown mutant', async () => {
    const unknown = start({ ...mutantEnvironment('no-new-epoch'), MUTANT: 'no-such-bug' });
    await expect(unknown).rejects.toMatchObject({ stderr: expect.stringContaining('got "no-such-bug"') as string });
  });
});
