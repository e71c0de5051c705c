/** The documents: their links, and the claims that a machine can check. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const documents = globSync('**/*.md', { cwd: root, exclude: (name) => name === 'node_modules' || name === 'data' });

/** Whether a table row links to a test, or to a suite that tests run. */
const isShown = (row: string): boolean => /\]\([^)]+(?:\.test|\.verify|-suite|conformance\/[^)]+)\.ts\)/.test(row);

/** The targets of a document's links within this repository, as paths from the root. */
const targetsOf = (path: string): readonly string[] =>
  [...read(path).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^(?:https?:|#)/.test(target))
    .map((target) => join(dirname(path), target.split('#')[0] ?? ''));

describe('documents', () => {
  it.each(documents)('%s has no broken link', (path) => {
    expect(targetsOf(path).filter((target) => !existsSync(join(root, target)))).toEqual([]);
  });

  it('SECURITY.md names a test for each threat', () => {
    const threats = read('SECURITY.md')
      .split('\n')
      .filter((line) => line.startsWith('| **'));
    expect(threats.length).toBeGreaterThan(10);
    expect(threats.filter((line) => !isShown(line))).toEqual([]);
  });

  it('each package whose install script is named is in the lockfile', () => {
    const { allowBuilds } = parse(read('pnpm-workspace.yaml')) as {
      readonly allowBuilds: Readonly<Record<string, boolean>>;
    };
    const lockfile = read('pnpm-lock.yaml');
    expect(Object.keys(allowBuilds).filter((name) => !new RegExp(`^ {2}'?${name}@`, 'm').test(lockfile))).toEqual([]);
  });
});
