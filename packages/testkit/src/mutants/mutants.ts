/** Bugs that the checker of histories must find, as changes to the real sources: a checker that misses one proves nothing. */

export interface Replacement {
  /** From the repository's root. */
  readonly file: string;
  /** A piece of the source that is there exactly once. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly bug: string;
  /** All that has to change for the bug to be one: what else would make up for it is changed as well. */
  readonly replacements: readonly Replacement[];
}

const completeFile = 'packages/store/src/jobs/complete.ts';
const completeGuard = `if (row.status !== 'running' || row.attempt !== attempt) {`;
const waiterFile = 'apps/api/src/services/job-waiter.ts';

export const mutants = {
  'no-attempt-in-guard': {
    bug: 'A worker may write to a job that another one has claimed since.',
    replacements: [
      { file: completeFile, find: completeGuard, replace: `if (row.status !== 'running') {` },
      { file: 'packages/store/src/jobs/claim.ts', find: `    .where('attempt', '=', attempt)\n`, replace: '' },
    ],
  },
  'no-status-in-guard': {
    // The UPDATE repeats the status that was read under the lock, whatever it was.
    bug: 'A worker may end a job that went back to the queue.',
    replacements: [{ file: completeFile, find: completeGuard, replace: 'if (row.attempt !== attempt) {' }],
  },
  'lease-not-checked-again': {
    // A renewal leaves the version as it is, so the guard of the UPDATE does not see it.
    bug: 'A lease that is renewed while the reconciler looks at it is taken away all the same.',
    replacements: [
      {
        file: 'packages/store/src/jobs/reconcile.ts',
        find: 'await lockRows(select, { dialect, skipLocked: true }).execute()',
        replace: 'await select.execute()',
      },
    ],
  },
  'no-new-epoch': {
    bug: 'A job that goes back to the queue gets a hint with an id that the transport has seen.',
    replacements: [
      {
        file: 'packages/core/src/transitions.ts',
        find: 'dispatchEpoch: state.dispatchEpoch + 1',
        replace: 'dispatchEpoch: state.dispatchEpoch',
      },
    ],
  },
  'acknowledged-before-written': {
    bug: 'A submit is answered before its transaction is committed.',
    replacements: [
      {
        file: 'packages/store/src/jobs/submit.ts',
        find: 'return await db.transaction().execute(async (tx) => {',
        replace: `return await ((write) => new Promise((resolve, reject) => {
          db.transaction().execute(async (tx) => resolve(await write(tx))).catch(reject);
        }))(async (tx) => {`,
      },
    ],
  },
  'waiter-registered-after-read': {
    bug: 'A job that ends between the read and the registration leaves its client waiting.',
    replacements: [
      {
        file: waiterFile,
        find: `    const waiter = this.#register(job);\n`,
        replace: `    const first = await this.#read(job);\n    const waiter = this.#register(job);\n`,
      },
      {
        file: waiterFile,
        find: 'let latest: Job | null = await waiter.unlessOver(this.#read(job), job);',
        replace: 'let latest: Job | null = first;',
      },
      // The poll makes up for it within half a second.
      { file: waiterFile, find: 'if (versions.get(id) !== waiter.version)', replace: 'if (!versions.has(id))' },
    ],
  },
} satisfies Readonly<Record<string, Mutant>>;

export type MutantName = keyof typeof mutants;

export const mutantNames = Object.keys(mutants) as readonly MutantName[];

export const isMutantName = (name: string): name is MutantName => Object.hasOwn(mutants, name);

/**
 * @param path  Of the source, from the repository's root.
 * @returns the source with the bug in it; as it is when the bug does not touch this file
 * @throws when a piece to replace is not there exactly once: the mutant has to follow the code
 */
export function mutate(name: MutantName, path: string, source: string): string {
  const replacements: readonly Replacement[] = mutants[name].replacements;
  return replacements
    .filter(({ file }) => file === path)
    .reduce((mutated, { find, replace }) => {
      const pieces = mutated.split(find);
      if (pieces.length !== 2) {
        throw new Error(
          `Expected once in ${path}, for the mutant ${name}, and found ${pieces.length - 1} times: ${find}`,
        );
      }
      return pieces.join(replace);
    }, source);
}
