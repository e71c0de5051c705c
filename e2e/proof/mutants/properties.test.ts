import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Mutant, type MutantName, mutantNames, mutants } from './mutants.ts';

const program = fileURLToPath(new URL('./properties-process.ts', import.meta.url));
const mutantOf = (name: MutantName): Mutant => mutants[name];
const visible = mutantNames.filter((name) => mutantOf(name).foundBy.includes('properties'));

describe('the properties of the store', () => {
  /** Messages of failed tests, by mutant. */
  let said: Readonly<Record<string, readonly string[]>>;

  beforeAll(async () => {
    const env = { PATH: process.env['PATH'] };
    const { stdout } = await promisify(execFile)(process.execPath, [program, ...visible], { env });
    said = JSON.parse(stdout) as typeof said;
  }, 300_000);

  it.each(visible)('find the bug %s', (name) => {
    expect(said[name]).toContainEqual(expect.stringContaining('Property failed after'));
  });
});
