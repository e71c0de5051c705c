import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  arrows,
  findBreaches,
  findManifestBreaches,
  importsOf,
  modelFamilies,
  type PackageManifest,
} from './architecture.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8');
const manifestOf = (folder: string) => JSON.parse(read(`${folder}/package.json`)) as PackageManifest;
const folders = Object.keys(arrows);

describe('the arrows', () => {
  it('name exactly the packages of the workspace', () => {
    const manifests = globSync(
      ['packages/*/package.json', 'apps/*/package.json', 'e2e/package.json', 'bench/package.json'],
      { cwd: root },
    );
    expect(manifests.map((path) => path.replace('/package.json', '')).toSorted()).toEqual(folders.toSorted());
  });

  it.each(folders)('hold in %s', (folder) => {
    const all = globSync(`${folder}/**/*.{ts,tsx}`, { cwd: root, exclude: (name) => /node_modules|dist/.test(name) });
    // This file has breaches on purpose.
    const paths = all.filter((path) => path !== 'e2e/architecture.test.ts');
    expect(paths.length).toBeGreaterThan(0);
    const manifest = manifestOf(folder);
    expect(paths.flatMap((path) => findBreaches({ folder, path, text: read(path) }, manifest))).toEqual([]);
    expect(findManifestBreaches(folder, manifest)).toEqual([]);
  });

  it('name exactly the model families of the engine', () => {
    const found = globSync('packages/engine/src/families/*/', { cwd: root });
    expect(found.map((path) => basename(path))).toEqual(modelFamilies);
  });

  it.each(folders.filter((folder) => folder !== 'e2e'))(
    '%s says in its README why it has each dependency',
    (folder) => {
      expect(existsSync(`${root}${folder}/README.md`)).toBe(true);
      const readme = read(`${folder}/README.md`);
      for (const name of Object.keys(manifestOf(folder).dependencies ?? {})) expect(readme).toContain(name);
    },
  );
});

describe('a breach of the arrows is found', () => {
  const manifest = { dependencies: { '@prosemill/core': '*', '@prosemill/store': '*', kysely: '*' } };
  const check = (folder: string, text: string, name = 'a.ts') =>
    findBreaches({ folder, path: `${folder}/src/${name}`, text }, manifest);

  it.each([
    ['sideways', 'packages/queue', "import { x } from '@prosemill/store';", 'must not import @prosemill/store'],
    ['upwards', 'packages/core', "export type { X } from '@prosemill/store';", 'must not import @prosemill/store'],
    ['of ownership', 'apps/api', "const { Kysely } = await import('kysely');", 'must not import kysely'],
    ['by path', 'apps/worker', "import { x } from '../../api/src/config.ts';", 'reaches into another package'],
    ['by a fixture', 'apps/api', "import { openTestApi } from './test-api.ts';", 'imports a test'],
    ['unlisted', 'apps/api', "import left from 'left-pad';", 'does not list'],
    ['over several lines', 'apps/api', "import {\n  a,\n  b,\n} from 'kysely/helpers';", 'must not import kysely'],
    ['of the environment', 'apps/api', 'const port = process.env.PORT;', 'reads the environment'],
    ['of the environment by import', 'apps/api', "import { env } from 'node:process';", 'reads the environment'],
    [
      'of types alone',
      'packages/client',
      "import { problemTable } from '@prosemill/contract/types';",
      'must import only types',
    ],
    ['of the domain', 'packages/core', "import { x } from 'node:fs';", 'must not import node:fs'],
    ['of the domain by path', 'packages/core', "import { x } from './runtime/x.ts';", 'must not import ./runtime/x.ts'],
    ['of the domain by a timer', 'packages/core', 'setTimeout(stop, 1_000);', 'has a timer'],
    [
      'testkit in a product',
      'apps/api',
      "import { x } from '@prosemill/testkit';",
      'must not import @prosemill/testkit',
    ],
  ])('%s', (_name, folder, text, expected) => {
    expect(check(folder, text).join('\n')).toContain(expected);
  });

  it.each([
    [
      'an import',
      "import { readGpt2Weights } from '../families/gpt2/read-gpt2-weights.ts';",
      'must not import packages/engine/src/families/',
    ],
    [
      'an import of a type',
      "import type { Gpt2Shape } from '../families/gpt2/gpt2-config.ts';",
      'must not import packages/engine/src/families/',
    ],
    [
      'a second opener',
      "import { openDecoder } from '../families/open-decoder.ts';",
      'must not import packages/engine/src/families/',
    ],
    ['a name', "const isGpt2 = type === 'gpt2';", 'names the model family gpt2'],
    ['a name in a comment', '/** GPT-2 models. */', 'names the model family gpt2'],
  ])('of the engine by %s of a model family', (_name, text, expected) => {
    for (const part of ['decoder', 'loop', 'process']) {
      const name = `${part}/batch-loop.ts`;
      expect(check('packages/engine', text, name).join('\n')).toContain(expected);
    }
    expect(check('packages/engine', text, 'families/families.ts')).toEqual([]);
  });

  it('of the engine by an import of a family past the table of families', () => {
    const text = "import { isGpt2 } from '../families/gpt2/gpt2-config.ts';";
    const expected = 'must not import packages/engine/src/families/gpt2/gpt2-config.ts';
    expect(check('packages/engine', text, 'models/model-layout.ts').join('\n')).toContain(expected);
    const beside = text.replace('../families/', './');
    expect(check('packages/engine', beside, 'families/open-decoder.ts').join('\n')).toContain(expected);
    expect(check('packages/engine', beside, 'families/families.ts')).toEqual([]);
    const inside = "import { isGpt2 } from './gpt2-config.ts';";
    expect(check('packages/engine', inside, 'families/gpt2/gpt2.ts')).toEqual([]);
  });

  it('but allowed imports are not', () => {
    expect(
      check(
        'packages/store',
        "import { a } from '@prosemill/core';\nimport { b } from 'kysely';\nimport c from './c.ts';",
      ),
    ).toEqual([]);
    expect(check('apps/api', 'const port = process.env.PORT;', 'config.ts')).toEqual([]);
    const opener = "import { openDecoder } from '../families/open-decoder.ts';";
    expect(check('packages/engine', opener, 'loop/load-batched-model.ts')).toEqual([]);
    expect(check('packages/core', "import { x } from 'node:fs';\nprocess.exit(1);", 'runtime/a.ts')).toEqual([]);
    expect(importsOf("/** import('comment') */\n// import x from 'comment'\nconst text = 'from nowhere';")).toEqual([]);
  });

  it('also in a package.json', () => {
    expect(findManifestBreaches('packages/core', manifest)).toHaveLength(3);
    expect(findManifestBreaches('packages/store', { dependencies: { '@prosemill/testkit': '*' } })).toHaveLength(1);
    expect(findManifestBreaches('packages/store', { devDependencies: { '@prosemill/testkit': '*' } })).toEqual([]);
  });
});
