/** Random histories: each step that can happen to jobs, as a command of fast-check with a readable name. */
import type { Outcome } from '@prosemill/core';
import * as fc from 'fast-check';
import {
  append,
  attempt,
  cancel,
  claim,
  complete,
  expectAgreement,
  type JobSystem,
  read,
  reconcile,
  renew,
  type Step,
  submitTogether,
  type Target,
  travel,
  watch,
} from './job-steps.ts';
import { hourMs, type ReferenceJobs } from './reference-jobs.ts';
import { part, result } from './session.ts';

type Command = fc.AsyncCommand<ReferenceJobs, JobSystem>;

interface CommandOptions<Options> {
  readonly step: Step<Options>;
  readonly name: (options: Options) => string;
  /** Default true. */
  readonly needsJobs?: boolean;
}

/** Makes a command for each of the options. A failing command reports the steps before it. */
const commandsOf = <Options>(
  arbitrary: fc.Arbitrary<Options>,
  { step, name, needsJobs = true }: CommandOptions<Options>,
): fc.Arbitrary<Command> =>
  arbitrary.map((options) => ({
    check: ({ jobs }) => !needsJobs || jobs.length > 0,
    toString: () => name(options),
    async run(reference, system) {
      const { history } = reference;
      history.push(`${history.length + 1}. ${name(options)}: failed`);
      try {
        const happened = await step(reference, system, options);
        await expectAgreement(reference, system);
        history[history.length - 1] = `${history.length}. ${name(options)}: ${happened}`;
      } catch (error) {
        throw new Error(`${String(error)}\nThe history:\n${history.join('\n')}`, { cause: error });
      }
    },
  }));

const owners = ['ann', 'bob', 'cleo'] as const;
const ownerArbitrary = fc.constantFrom(...owners);

/** Times lie half an hour away from the full hours of the clock, so that the real time of a run decides nothing. */
const hoursArbitrary = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max }).map((hours) => hours + 0.5);

/** The rank is the first digit of the id, so that ids are not in the order of the submits. */
const draftArbitrary = fc.record({
  ownerId: ownerArbitrary,
  priorityClass: fc.constantFrom(0 as const, 1 as const, 2 as const),
  /** Larger than the number of crashes after which a job is given up. */
  maxAttempts: fc.integer({ min: 1, max: 5 }),
  deadlineHours: fc.option(hoursArbitrary(4), { freq: 3 }),
  rank: fc.integer({ min: 0, max: 9 }),
});

const submits = commandsOf(fc.array(draftArbitrary, { minLength: 1, maxLength: 4, size: 'max' }), {
  name: (drafts) =>
    `submit together ${drafts.map(({ ownerId, priorityClass }) => `${ownerId} class ${priorityClass}`).join(', ')}`,
  needsJobs: false,
  async step(reference, system, drafts) {
    const submissions = drafts.map(({ rank, ...draft }, index) => {
      const serial = String(reference.jobs.length + index).padStart(12, '0');
      return { ...draft, id: `${rank}0000000-0000-7000-8000-${serial}` };
    });
    return await submitTogether(reference, system, submissions);
  },
});

const claimModel = {
  workerId: fc.constantFrom('w1', 'w2', 'w3'),
  fromClass: fc.constantFrom(0 as const, 0 as const, 1 as const, 2 as const),
  leaseHours: hoursArbitrary(2),
};

const claims = commandsOf(fc.record(claimModel), {
  name: ({ workerId, fromClass, leaseHours }) => `${workerId} claims from class ${fromClass} for ${leaseHours} h`,
  step: claim,
});

/** Mostly a running job and its current attempt. */
const targetArbitrary: fc.Arbitrary<Target> = fc.record({
  isRunning: fc.constantFrom(true, true, true, false),
  index: fc.nat({ max: 30 }),
  attemptsBack: fc.constantFrom(0, 0, 0, 0, 1, -1),
});

const targetName = ({ isRunning, index, attemptsBack }: Target): string =>
  `${isRunning ? 'running ' : ''}job ${index}${attemptsBack === 0 ? '' : `, attempt ${attemptsBack} back`}`;

const renewals = commandsOf(fc.record({ target: targetArbitrary, leaseHours: hoursArbitrary(2) }), {
  name: ({ target, leaseHours }) => `renew ${targetName(target)} for ${leaseHours} h`,
  step: renew,
});

const transient = { code: 'generation_failed', message: 'It went wrong.' };
const permanent = { code: 'internal', message: 'A bug.' };
const timeout = { code: 'deadline_exceeded', message: 'Late.' };

/** Every outcome of an attempt. A retry is due at once. */
export const outcomeArbitrary: fc.Arbitrary<Outcome> = fc.oneof(
  fc.constant<Outcome>({ type: 'succeeded', result }),
  fc
    .tuple(fc.constantFrom(permanent, timeout), fc.constantFrom(null, part))
    .map(([error, partial]): Outcome => ({ type: 'failed', error, partial })),
  fc.constantFrom(null, part).map((partial): Outcome => ({ type: 'canceled', partial })),
  fc.constant<Outcome>({ type: 'retried', error: transient, delayMs: 0 }),
  fc.constant<Outcome>({ type: 'crashed' }),
  fc.constant<Outcome>({ type: 'released' }),
);

const lateRetryArbitrary = hoursArbitrary(2).map((hours): Outcome => ({
  type: 'retried',
  error: transient,
  delayMs: hours * hourMs,
}));

const endings = commandsOf(
  fc.record({
    target: targetArbitrary,
    outcome: fc.oneof({ weight: 5, arbitrary: outcomeArbitrary }, { weight: 1, arbitrary: lateRetryArbitrary }),
    times: fc.constantFrom(1 as const, 2 as const),
  }),
  {
    name: ({ target, outcome, times }) => `complete ${targetName(target)} as ${outcome.type}, ${times} times`,
    step: complete,
  },
);

/** Crashes are frequent because three of them are needed to end a job. */
const attempts = commandsOf(
  fc.record({
    ...claimModel,
    isCanceled: fc.constantFrom(false, false, false, true),
    outcome: fc.oneof(outcomeArbitrary, fc.constant<Outcome>({ type: 'crashed' })),
  }),
  {
    name: ({ workerId, fromClass, isCanceled, outcome }) =>
      `${workerId} claims from class ${fromClass}${isCanceled ? ', which is canceled,' : ''} and completes it as ${outcome.type}`,
    step: attempt,
  },
);

const cancels = commandsOf(
  fc.record({ target: targetArbitrary, isStranger: fc.constantFrom(false, false, false, true) }),
  {
    name: ({ target, isStranger }) => `${isStranger ? 'a stranger' : 'its owner'} cancels ${targetName(target)}`,
    step: cancel,
  },
);

const watches = commandsOf(targetArbitrary, { name: (target) => `watch ${targetName(target)}`, step: watch });

const appends = commandsOf(fc.record({ target: targetArbitrary, offset: fc.nat({ max: 2 }) }), {
  name: ({ target, offset }) => `append text to ${targetName(target)} at ${offset}`,
  step: append,
});

const reconciliations = commandsOf(
  fc.record({
    action: fc.constantFrom('rescue' as const, 'expire' as const),
    limit: fc.constantFrom(1, 2, 100),
  }),
  { name: ({ action, limit }) => `${action} at most ${limit}`, step: reconcile },
);

const travels = commandsOf(fc.integer({ min: 1, max: 3 }), { name: (hours) => `${hours} h pass`, step: travel });

const reads = commandsOf(
  fc.record({ ownerId: ownerArbitrary, index: fc.nat({ max: 30 }), limit: fc.integer({ min: 1, max: 5 }) }),
  { name: ({ ownerId, index, limit }) => `${ownerId} reads job ${index}, ${limit} a page`, step: read },
);

/** Claims and outcomes are more frequent than the rest. */
export const historyArbitrary = fc.commands(
  [
    submits,
    submits,
    claims,
    claims,
    attempts,
    attempts,
    attempts,
    endings,
    endings,
    renewals,
    cancels,
    watches,
    appends,
    appends,
    reconciliations,
    reconciliations,
    travels,
    reads,
  ],
  { maxCommands: 40, size: 'max' },
);
