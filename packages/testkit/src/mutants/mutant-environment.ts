import type { MutantName } from './mutants.ts';

/**
 * What a process of the service is started with to have a bug; its child processes have it as well.
 * @example launchSeparate({ ...environment, ...mutantEnvironment('no-new-epoch') })
 */
export const mutantEnvironment = (name: MutantName): Readonly<Record<'MUTANT' | 'NODE_OPTIONS', string>> => ({
  MUTANT: name,
  NODE_OPTIONS: `--import=${new URL('./register.ts', import.meta.url).href}`,
});
