/** Seeds the bug that the environment variable MUTANT names into the sources as they are loaded. For `node --import`. */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { isMutantName, type MutantName, mutantNames, mutants, mutate } from './mutants.ts';

const root = new URL('../../../../', import.meta.url);

const name = process.env['MUTANT'] ?? '';
if (!isMutantName(name)) throw new Error(`Expected MUTANT to be one of ${mutantNames.join(', ')}, and got "${name}".`);
seed(name);

/** All files at once, those as well that this process may never load: half a bug is none. */
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
