/** Workers, callers and reconcilers that act at the same time on a few jobs, and the answers they got. */
import { type ClaimKey, isTerminal, type Job, newId, type Outcome, type Store } from '@prosemill/core';
import * as fc from 'fast-check';
import { outcomeArbitrary } from './job-commands.ts';
import { model, newJob, succeeded } from './session.ts';

/** Leases of negative length let a reconciler come between a claim and its end without a wait. */
const leaseArbitrary = fc.constantFrom(-1, 60_000);

const attemptArbitrary = fc.record({
  leaseMs: leaseArbitrary,
  fromClass: fc.constantFrom(0 as const, 1 as const, 2 as const),
  renewals: fc.array(leaseArbitrary, { maxLength: 2 }),
  /** Null: the worker dies. */
  outcome: fc.option(outcomeArbitrary, { freq: 4 }),
  /** The answer is lost, and a second connection repeats the call while the first may still be running. */
  isRepeated: fc.boolean(),
});

const submissionArbitrary = fc.record({
  ownerId: fc.constantFrom('ann', 'bob'),
  maxAttempts: fc.integer({ min: 1, max: 3 }),
  deadlineMs: fc.constantFrom(null, null, null, 0, 5),
});

/** Actors, each with steps in order. All actors run at the same time. */
const actorArbitrary = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('worker' as const), attempts: many(attemptArbitrary) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('reconciler' as const), limits: many(fc.constantFrom(1, 10)) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('canceler' as const), indexes: many(fc.nat({ max: 3 })) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('watcher' as const), indexes: many(fc.nat({ max: 3 })) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('reader' as const), indexes: many(fc.nat({ max: 3 })) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('submitter' as const), jobs: many(submissionArbitrary) }) },
);
type Actor = typeof actorArbitrary extends fc.Arbitrary<infer Value> ? Value : never;
type Submission = typeof submissionArbitrary extends fc.Arbitrary<infer Value> ? Value : never;
type Attempt = typeof attemptArbitrary extends fc.Arbitrary<infer Value> ? Value : never;

export const encounterArbitrary = fc.record({
  jobs: fc.array(submissionArbitrary, { minLength: 1, maxLength: 3 }),
  actors: fc.array(actorArbitrary, { minLength: 2, maxLength: 8, size: 'max' }),
});
export type Encounter = typeof encounterArbitrary extends fc.Arbitrary<infer Value> ? Value : never;

function many<Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value[]> {
  return fc.array(arbitrary, { minLength: 1, maxLength: 6, size: 'max' });
}

/** The answers of the store. */
export interface Journal {
  readonly submitted: Job[];
  readonly claims: ClaimKey[];
  readonly applied: { readonly key: ClaimKey; readonly type: Outcome['type'] }[];
  readonly rescued: string[];
  /** The reads of each reader, in order. */
  readonly reads: (readonly Job[])[];
}

/** Runs all actors at once, spread over the stores. */
export async function actTogether(stores: readonly Store[], { jobs, actors }: Encounter): Promise<Journal> {
  const journal: Journal = { submitted: [], claims: [], applied: [], rescued: [], reads: [] };
  const storeOf = (index: number): Store => stores[index % stores.length] as Store;
  for (const job of jobs) await submit(storeOf(0), journal, job);
  await Promise.all(
    actors.map(async (actor, index) => await act({ own: storeOf(index), other: storeOf(index + 1), journal }, actor)),
  );
  return journal;
}

interface Stage {
  readonly own: Store;
  readonly other: Store;
  readonly journal: Journal;
}

async function act(stage: Stage, actor: Actor): Promise<void> {
  const { own, journal } = stage;
  const jobAt = (index: number): Job => journal.submitted[index % journal.submitted.length] as Job;
  switch (actor.type) {
    case 'worker':
      for (const attempt of actor.attempts) await work(stage, attempt);
      break;
    case 'reconciler':
      for (const limit of actor.limits) {
        journal.rescued.push(...(await own.jobs.rescueLostJobs(limit)));
        await own.jobs.expireJobs(limit);
        await own.texts.sweep(limit);
      }
      break;
    case 'canceler':
      for (const index of actor.indexes) await own.jobs.requestCancel(jobAt(index).ownerId, jobAt(index).id);
      break;
    case 'watcher':
      await own.texts.watch([...new Set(actor.indexes.map((index) => jobAt(index).id))]);
      break;
    case 'reader':
      for (const index of actor.indexes) journal.reads.push(await readTwice(own, jobAt(index)));
      break;
    case 'submitter':
      for (const job of actor.jobs) await submit(own, journal, job);
      break;
  }
}

async function submit({ jobs }: Store, journal: Journal, submission: Submission): Promise<void> {
  journal.submitted.push(await jobs.submit(newJob({ id: newId(), ...submission })));
}

async function work({ own, other, journal }: Stage, attempt: Attempt): Promise<void> {
  const { leaseMs, fromClass, renewals, outcome, isRepeated } = attempt;
  const claimed = await own.jobs.claim({ workerId: 'worker', model, leaseMs, fromClass });
  if (claimed === null) return;
  const key = { id: claimed.job.id, attempt: claimed.job.attempt };
  journal.claims.push(key);
  for (const [offset, renewal] of renewals.entries()) {
    await own.jobs.renew(key, renewal);
    await own.texts.append([{ ...key, offset, text: 'a', tokens: offset + 1 }]);
  }
  if (outcome === null) {
    await own.jobs.renew(key, -1);
    return;
  }
  const answers = await Promise.all(
    (isRepeated ? [own, other, own] : [own]).map(async ({ jobs }) => await jobs.complete(claimed.job, outcome)),
  );
  for (const answer of answers) if (answer === 'applied') journal.applied.push({ key, type: outcome.type });
}

async function readTwice({ jobs }: Store, { ownerId, id }: Job): Promise<readonly Job[]> {
  const reads = [await jobs.find(ownerId, id), await jobs.find(ownerId, id)];
  return reads.filter((job) => job !== null);
}

/**
 * Brings every job to its end with a worker and a reconciler that meet no fault.
 * @throws when a job does not end
 */
export async function drain({ jobs, texts }: Store): Promise<void> {
  for (let rounds = 0; rounds < 1_000; rounds += 1) {
    await jobs.rescueLostJobs(100);
    await jobs.expireJobs(100);
    const claimed = await jobs.claim({ workerId: 'last', model, leaseMs: 60_000, fromClass: 0 });
    if (claimed !== null) await jobs.complete({ id: claimed.job.id, attempt: claimed.job.attempt }, succeeded);
    const { queued, running } = await jobs.measureQueue();
    if (queued + running === 0) {
      await texts.sweep(1_000);
      return;
    }
  }
  throw new Error('Some jobs never end.');
}

/** A reader never sees a job go back, and never two endings. */
export const goesForward = ([first, second]: readonly Job[]): boolean =>
  first === undefined ||
  second === undefined ||
  (second.version >= first.version && (!isTerminal(first.status) || JSON.stringify(first) === JSON.stringify(second)));
