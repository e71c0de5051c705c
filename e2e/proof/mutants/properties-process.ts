/**
 * Runs the random histories of the store on SQLite once for each mutant in the arguments. Prints the failures by
 * mutant, as JSON.
 */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startVitest, type TestUserConfig, type Vite } from 'vitest/node';
import { isMutantName, type MutantName, mutate } from './mutants.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

const seed = (name: MutantName): Vite.Plugin => ({
  name: `the mutant ${name}`,
  enforce: 'pre',
  transform: (code, id) => mutate(name, relative(root, id), code),
});

const projects = process.argv
  .slice(2)
  .filter(isMutantName)
  .map((name) => ({
    root,
    plugins: [seed(name)],
    test: {
      name,
      include: ['packages/store/src/sqlite.test.ts'],
      testNamePattern: /^histories on SQLite.* agree with the reference/,
      setupFiles: [fileURLToPath(new URL('./properties-setup.ts', import.meta.url))],
      testTimeout: 120_000,
    } satisfies TestUserConfig,
  }));

const said: Record<string, string[]> = Object.fromEntries(projects.map(({ test }) => [test.name, []]));
const vitest = await startVitest([], { config: false, watch: false, reporters: [{}] }, { test: { projects } });
for (const { project, children } of vitest.state.getTestModules()) {
  const tests = [...children.allTests()].filter((test) => test.result().state !== 'skipped');
  if (tests.length === 0) throw new Error('The store has no test of histories under the name that is asked for.');
  for (const test of tests) said[project.name]?.push(...(test.result().errors ?? []).map(({ message }) => message));
}
process.exitCode = 0;
process.stdout.write(JSON.stringify(said));
