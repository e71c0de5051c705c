/** Bugs in the real sources that the tests of the promises must find. No two break the same rule in the same way. */

/**
 * - `properties`: the random histories of the store's suite, on SQLite.
 * - `scenario`: the checker, on the history of a scenario.
 * - `service`: the checker, on the history of real processes.
 */
export type Finder = 'properties' | 'scenario' | 'service';

export interface Replacement {
  /** A path from the repository's root. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly bug: string;
  /** Each of these finds the bug in every run of the tests. */
  readonly foundBy: readonly Finder[];
  /** More than one where another part of the code would make up for the bug. */
  readonly replacements: readonly Replacement[];
}

const completeFile = 'packages/store/src/jobs/complete.ts';
const completeGuard = `if (row.status !== 'running' || row.attempt !== attempt) {`;
const transitionsFile = 'packages/core/src/transitions.ts';
const submitFile = 'packages/store/src/jobs/submit.ts';
const feedFile = 'apps/api/src/services/job-feed.ts';

export const mutants = {
  'no-attempt-in-guard': {
    bug: 'A worker completes a job that another worker has claimed since.',
    foundBy: ['properties', 'scenario'],
    replacements: [{ file: completeFile, find: completeGuard, replace: `if (row.status !== 'running') {` }],
  },
  'no-status-in-guard': {
    // The UPDATE repeats the status that was read, so this guard is the only one.
    bug: 'A worker completes a job that went back to the queue.',
    foundBy: ['properties', 'scenario'],
    replacements: [{ file: completeFile, find: completeGuard, replace: 'if (row.attempt !== attempt) {' }],
  },
  'lease-not-checked-again': {
    // A renewal does not change the version, so the guard of the UPDATE does not see it.
    bug: 'The reconciler takes a job although its lease is renewed at the same moment.',
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
    bug: 'The hint of a job that returns to the queue has an id that the transport has already seen.',
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
    bug: 'A submit is answered before its commit.',
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
        file: feedFile,
        find: `    const watched = this.#join(job);\n`,
        replace: `    const latest = await this.#options.jobs.find(job.ownerId, job.id);
    const watched = Object.assign(this.#join(job), { latest, isOutdated: false });\n`,
      },
      // Without this, the poll would make up for the bug within half a second.
      {
        file: feedFile,
        find: 'if (versions.get(id) !== this.#watched.get(id)?.latest?.version)',
        replace: 'if (!versions.has(id))',
      },
    ],
  },
  'position-not-proven': {
    bug: 'A stream goes on in the middle of a text that does not begin like the text of its client.',
    foundBy: ['service'],
    replacements: [
      {
        file: 'apps/api/src/services/text-place.ts',
        find: 'length >= offset && (checksum === null || checksum === actual)',
        replace: 'length >= offset',
      },
    ],
  },
  'key-not-looked-up': {
    bug: 'A request that is repeated with its Idempotency-Key makes a second job.',
    foundBy: ['scenario'],
    replacements: [
      { file: submitFile, find: 'await findKeyHolders({ db: tx, dialect, retentionMs }, keys)', replace: 'new Map()' },
    ],
  },
  'attempt-too-many': {
    bug: 'A job gets one attempt more than maxAttempts.',
    foundBy: ['properties'],
    replacements: [
      {
        file: transitionsFile,
        find: 'state.attempt - state.releasedCount >= state.maxAttempts',
        replace: 'state.attempt - state.releasedCount > state.maxAttempts',
      },
    ],
  },
  'cancel-forgotten': {
    bug: 'A job that was canceled while it ran returns to the queue when its attempt fails.',
    foundBy: ['properties'],
    replacements: [
      {
        file: transitionsFile,
        find: `  if (state.cancelRequested) return canceledWith(null);\n  if (error !== undefined`,
        replace: '  if (error !== undefined',
      },
    ],
  },
  'backoff-ignored': {
    bug: 'A job is claimed before its backoff is over.',
    foundBy: ['properties'],
    replacements: [
      {
        file: 'packages/store/src/jobs/select-jobs.ts',
        find: `status = 'queued' and available_at <= \${dialect.now} and`,
        replace: `status = 'queued' and`,
      },
    ],
  },
  'class-ignored': {
    bug: 'Waiting callers stand behind a backlog of jobs that nobody waits for.',
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
    bug: 'A job that returns to the queue gives its old turn to the next submit.',
    foundBy: ['properties'],
    replacements: [
      {
        file: 'packages/store/src/jobs/choose-turns.ts',
        find: ' and attempt = 0 order by turn',
        replace: ' order by turn',
      },
    ],
  },
  'read-by-anybody': {
    bug: 'The id of a job is enough to read it.',
    foundBy: ['properties'],
    replacements: [
      {
        file: 'packages/store/src/jobs/read.ts',
        find: `.where('jobs.id', 'in', [id]).where('jobs.owner_id', 'in', [ownerId])`,
        replace: `.where('jobs.id', 'in', [id])`,
      },
    ],
  },
  'late-text-kept': {
    bug: 'A worker that lost its job adds text to it.',
    foundBy: ['properties'],
    replacements: [
      {
        file: 'packages/store/src/texts.ts',
        find: 'jobs.id = piece.id and jobs.attempt = piece.attempt',
        replace: 'jobs.id = piece.id',
      },
    ],
  },
  'text-outlives-its-run': {
    bug: 'The text of an attempt stays in its table when the attempt has ended.',
    foundBy: ['properties'],
    replacements: [
      {
        file: 'packages/store/src/jobs/apply-change.ts',
        find: `row.status === 'running' && row.watched_at !== null ?`,
        replace: `row.status === 'queued' && row.watched_at !== null ?`,
      },
    ],
  },
} satisfies Readonly<Record<string, Mutant>>;

export type MutantName = keyof typeof mutants;

export const mutantNames = Object.keys(mutants) as readonly MutantName[];

export const isMutantName = (name: string): name is MutantName => Object.hasOwn(mutants, name);

/**
 * @param path  The source's path from the repository's root.
 * @returns the source with the bug; unchanged when the bug is in other files
 * @throws when `find` does not occur exactly once: a change to the source must change the mutant too
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
