/** For `node --import`: seeds the bug named by the environment variable MUTANT into the sources as Node loads them. */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { isMutantName, type MutantName, mutantNames, mutants, mutate } from './mutants.ts';

const root = new URL('../../../', import.meta.url);

const name = process.env['MUTANT'] ?? '';
if (!isMutantName(name)) throw new Error(`Expected MUTANT to be one of ${mutantNames.join(', ')}, and got "${name}".`);
seed(name);

/**
 * Mutates all files of the bug at once: a replacement that no longer fits fails the start, even in a file never loaded.
 */
function seed(mutant: MutantName): void {
  const sources = new Map<string, string>();
  for (const { file } of mutants[mutant].replacements) {
    const url = new URL(file, root);
    sources.set(url.href, mutate(mutant, file, readFileSync(url, 'utf8')));
  }
  registerHooks({
    load(url, context, nextLoad) {
      const source = sources.get(url);
      const loaded = nextLoad(url, context);
      return source === undefined ? loaded : { ...loaded, source };
    },
  });
}
