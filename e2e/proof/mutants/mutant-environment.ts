import type { MutantName } from './mutants.ts';

/**
 * Environment variables that seed a bug into a process of the service and its child processes.
 * @example launchSeparate({ ...environment, ...mutantEnvironment('no-new-epoch') })
 */
export const mutantEnvironment = (name: MutantName): Readonly<Record<'MUTANT' | 'NODE_OPTIONS', string>> => ({
  MUTANT: name,
  NODE_OPTIONS: `--import=${new URL('./register.ts', import.meta.url).href}`,
});
