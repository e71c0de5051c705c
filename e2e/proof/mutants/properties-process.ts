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
      testNamePattern: /^histories on SQLite.* go as the reference says/,
      setupFiles: [fileURLToPath(new URL('./properties-setup.ts', import.meta.url))],
      testTimeout: 120_000,
    } satisfies TestUserConfig,
  }));

const said: Record<string, string[]> = Object.fromEntries(projects.map(({ test }) => [test.name, []]));
const vitest = await startVitest([], { config: false, watch: false, reporters: [{}] }, { test: { projects } });
for (const module of vitest.state.getTestModules()) {
  for (const test of module.children.allTests('failed')) {
    said[module.project.name]?.push(...(test.result().errors ?? []).map(({ message }) => message));
  }
}
process.exitCode = 0;
process.stdout.write(JSON.stringify(said));
