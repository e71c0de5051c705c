/** Bugs that the tests of the promises must find, as changes to the real sources: a test that misses one proves nothing. */

/**
 * - `properties`: the random histories of the store's suite, on each database.
 * - `scenario`: the checker, told a story of two workers.
 * - `service`: the checker, after a run of real processes.
 */
export type Finder = 'properties' | 'scenario' | 'service';

export interface Replacement {
  /** From the repository's root. */
  readonly file: string;
  /** A piece of the source that is there exactly once. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly bug: string;
  /** Who is shown to find it: each of them in every run of the tests. */
  readonly foundBy: readonly Finder[];
  /** All that has to change for the bug to be one: what else would make up for it is changed as well. */
  readonly replacements: readonly Replacement[];
}

const completeFile = 'packages/store/src/jobs/complete.ts';
const completeGuard = `if (row.status !== 'running' || row.attempt !== attempt) {`;
const transitionsFile = 'packages/core/src/transitions.ts';
const submitFile = 'packages/store/src/jobs/submit.ts';
const waiterFile = 'apps/api/src/services/job-waiter.ts';

export const mutants = {
  'no-attempt-in-guard': {
    bug: 'A worker may write to a job that another one has claimed since.',
    foundBy: ['properties', 'scenario'],
    replacements: [
      { file: completeFile, find: completeGuard, replace: `if (row.status !== 'running') {` },
      { file: 'packages/store/src/jobs/claim.ts', find: `    .where('attempt', '=', attempt)\n`, replace: '' },
    ],
  },
  'no-status-in-guard': {
    // The UPDATE repeats the status that was read under the lock, whatever it was.
    bug: 'A worker may end a job that went back to the queue.',
    foundBy: ['properties', 'scenario'],
    replacements: [{ file: completeFile, find: completeGuard, replace: 'if (row.attempt !== attempt) {' }],
  },
  'lease-not-checked-again': {
    // A renewal leaves the version as it is, so the guard of the UPDATE does not see it.
    bug: 'A lease that is renewed while the reconciler looks at it is taken away all the same.',
    foundBy: ['scenario'],
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
    foundBy: ['properties', 'scenario'],
    replacements: [
      {
        file: transitionsFile,
        find: 'dispatchEpoch: state.dispatchEpoch + 1',
        replace: 'dispatchEpoch: state.dispatchEpoch',
      },
    ],
  },
  'acknowledged-before-written': {
    bug: 'A submit is answered before its transaction is committed.',
    foundBy: ['scenario'],
    replacements: [
      {
        file: submitFile,
        find: 'return await db.transaction().execute(async (tx) => {',
        replace: `return await ((write) => new Promise((resolve, reject) => {
          db.transaction().execute(async (tx) => resolve(await write(tx))).catch(reject);
        }))(async (tx) => {`,
      },
    ],
  },
  'waiter-registered-after-read': {
    bug: 'A job that ends between the read and the registration leaves its client waiting.',
    foundBy: ['service'],
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
  'key-not-looked-up': {
    bug: 'A request that is repeated with its Idempotency-Key becomes a second job.',
    foundBy: ['scenario'],
    replacements: [{ file: submitFile, find: 'await findKeyHolders({ db: tx, dialect }, keys)', replace: 'new Map()' }],
  },
  'attempt-too-many': {
    bug: 'A job is tried once more than it may be.',
    foundBy: ['properties'],
    replacements: [
      {
        file: transitionsFile,
        find: 'state.attempt - state.releasedCount >= state.maxAttempts',
        replace: 'state.attempt - state.releasedCount > state.maxAttempts',
      },
    ],
  },
  'crash-too-many': {
    bug: 'A job that killed three workers is given to a fourth.',
    foundBy: ['properties'],
    replacements: [{ file: transitionsFile, find: 'crashCount >= maxCrashes', replace: 'crashCount > maxCrashes' }],
  },
  'release-costs-attempt': {
    bug: 'A restart of its worker costs a job an attempt.',
    foundBy: ['properties'],
    replacements: [
      {
        file: transitionsFile,
        find: 'releasedCount: state.releasedCount + 1',
        replace: 'releasedCount: state.releasedCount',
      },
    ],
  },
  'cancel-forgotten': {
    bug: 'A job that was canceled while it ran goes back to the queue when its attempt fails.',
    foundBy: ['properties'],
    replacements: [
      {
        file: transitionsFile,
        find: `  if (state.cancelRequested) return canceledWith(null);\n  if (error !== undefined`,
        replace: '  if (error !== undefined',
      },
    ],
  },
  'canceled-unasked': {
    bug: 'A wake-up that no row knows of cancels a job.',
    foundBy: ['properties'],
    replacements: [
      {
        file: transitionsFile,
        find: 'return state.cancelRequested ? canceledWith(outcome.partial)',
        replace: 'return true ? canceledWith(outcome.partial)',
      },
    ],
  },
  'backoff-ignored': {
    bug: 'A job is claimed before its next try is due.',
    foundBy: ['properties'],
    replacements: [
      {
        file: 'packages/store/src/jobs/context.ts',
        find: `status = 'queued' and available_at <= \${dialect.now} and`,
        replace: `status = 'queued' and`,
      },
    ],
  },
  'class-ignored': {
    bug: 'A caller who waits stands behind a backlog of those who do not.',
    foundBy: ['properties'],
    replacements: [
      {
        file: 'packages/store/src/jobs/claim.ts',
        find: `claimable.orderBy('class').orderBy('turn')`,
        replace: `claimable.orderBy('turn')`,
      },
    ],
  },
  'turns-go-back': {
    bug: 'A job that returns to the queue takes whoever submits next back to its old turn.',
    foundBy: ['properties'],
    replacements: [{ file: submitFile, find: ' and attempt = 0 order by turn', replace: ' order by turn' }],
  },
  'canceled-by-anybody': {
    bug: 'Whoever knows the id of a job can cancel it.',
    foundBy: ['properties'],
    replacements: [
      {
        file: 'packages/store/src/jobs/cancel.ts',
        find: `.where('id', '=', id).where('owner_id', '=', ownerId)`,
        replace: `.where('id', '=', id)`,
      },
    ],
  },
  'read-by-anybody': {
    bug: 'Whoever knows the id of a job can read it.',
    foundBy: ['properties'],
    replacements: [
      {
        file: 'packages/store/src/jobs/read.ts',
        find: `.where('jobs.id', '=', id).where('jobs.owner_id', '=', ownerId)`,
        replace: `.where('jobs.id', '=', id)`,
      },
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
