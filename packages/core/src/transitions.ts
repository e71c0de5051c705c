/**
 * The only ways a job may change, besides its claim, which the store writes in one statement. Each arrow is one pure
 * function from the row to the change. The store applies it if the row is still the same, guarded by status, attempt
 * and version. Times are relative to the database's.
 */
import { assertNever } from './assert-never.ts';
import type { FinishReason, Job, JobError, JobStatus, TokenUsage } from './job.ts';
import type { GeneratedPart, Outcome } from './outcome.ts';

/** A job fails with `worker_lost` when this many of its claims have ended with a lost lease or a dead engine. */
export const maxCrashes = 3;

/** The part of a row that a transition depends on. */
export interface TransitionState extends Pick<
  Job,
  'status' | 'attempt' | 'releasedCount' | 'crashCount' | 'maxAttempts' | 'dispatchEpoch'
> {
  readonly cancelRequested: boolean;
  /** The attempt has not begun: it waits for an engine of its own. */
  readonly isWaiting: boolean;
}

/** The types of the rows of `job_events`. Every transition adds one row. */
export const jobEventTypes = [
  'job-queued',
  'job-claimed',
  'job-succeeded',
  'job-retried',
  'job-released',
  'job-rescued',
  'job-crashed',
  'job-cancel-requested',
  'job-canceled',
  'job-failed',
  'job-expired',
] as const;
export type JobEventType = (typeof jobEventTypes)[number];

export const eventActors = ['api', 'worker', 'reconciler'] as const;
/** The author of an event: a request of a client, the worker of the attempt, or a reconciler. */
export type EventActor = (typeof eventActors)[number];

/** An entry of the log of a job. */
export interface JobEvent {
  /** The job's version after the transition. */
  readonly seq: number;
  readonly type: JobEventType;
  readonly at: Date;
  /** 0 before the first claim. */
  readonly attempt: number;
  readonly actor: EventActor;
}

/** The change of a row. An absent key changes nothing; leaving `running` always clears the lease and the worker. */
export interface Change {
  readonly event: JobEventType;
  readonly status: JobStatus;
  readonly releasedCount?: number;
  readonly crashCount?: number;
  /** Set with every return to `queued`: the new hint needs an id that no transport has seen. */
  readonly dispatchEpoch?: number;
  /** From now, by the clock of the database; only with `status: 'queued'`. */
  readonly availableInMs?: number;
  readonly error?: JobError;
  readonly finishReason?: FinishReason;
  readonly partialCompletion?: string;
  readonly usage?: TokenUsage;
  readonly timeToFirstTokenMs?: number | null;
  readonly generationMs?: number;
}

/** queued → canceled, by request. */
export const cancelQueued = (): Change => ({ event: 'job-canceled', status: 'canceled', finishReason: 'canceled' });

/** queued → expired: the deadline passed before a claim, or the start timeout before the first one. */
export const expire = (): Change => ({
  event: 'job-expired',
  status: 'expired',
  error: { code: 'deadline_exceeded', message: 'The deadline or the start timeout passed before the job could start.' },
});

/**
 * running → queued, because the lease ran out. The attempt counts as a crash if it had begun. An attempt that waits for
 * its engine is released, because the crash of its worker is the fault of another job.
 */
export const rescue = (state: TransitionState): Change =>
  state.isWaiting && !state.cancelRequested
    ? applyOutcome(state, { type: 'released' })
    : crashedAs('job-rescued', state);

/** running → the status that the outcome of the attempt leads to. */
export function applyOutcome(state: TransitionState, outcome: Outcome): Change {
  switch (outcome.type) {
    case 'succeeded':
      return {
        event: 'job-succeeded',
        status: 'succeeded',
        finishReason: outcome.result.finishReason,
        ...measuresOf(outcome.result),
      };
    case 'failed':
      return failedWith(outcome.error, outcome.partial);
    case 'canceled':
      // The worker may have heard a wake-up that belongs to no requested cancel.
      return state.cancelRequested ? canceledWith(outcome.partial) : applyOutcome(state, { type: 'released' });
    case 'retried':
      return backToQueue(state, { event: 'job-retried', error: outcome.error, delayMs: outcome.delayMs });
    case 'crashed':
      return crashedAs('job-crashed', state);
    case 'released':
      return { ...backToQueue(state, { event: 'job-released' }), releasedCount: state.releasedCount + 1 };
    default:
      return assertNever(outcome);
  }
}

function crashedAs(event: JobEventType, state: TransitionState): Change {
  const crashCount = state.crashCount + 1;
  const error = {
    code: 'worker_lost',
    message: `The worker or its engine was lost ${crashCount} times while running this job.`,
  };
  if (state.cancelRequested) return { ...canceledWith(null), crashCount };
  if (crashCount >= maxCrashes) return { ...failedWith(error, null), crashCount };
  return { ...backToQueue(state, { event, error }), crashCount };
}

interface Return {
  readonly event: JobEventType;
  readonly error?: JobError;
  readonly delayMs?: number;
}

/** Every arrow back to `queued` passes here: a requested cancel and the limit of attempts come first. */
function backToQueue(state: TransitionState, { event, error, delayMs = 0 }: Return): Change {
  if (state.cancelRequested) return canceledWith(null);
  if (error !== undefined && state.attempt - state.releasedCount >= state.maxAttempts) return failedWith(error, null);
  return { event, status: 'queued', dispatchEpoch: state.dispatchEpoch + 1, availableInMs: delayMs };
}

function failedWith(error: JobError, partial: GeneratedPart | null): Change {
  const ending = error.code === 'deadline_exceeded' ? { finishReason: 'timeout' as const } : {};
  return { event: 'job-failed', status: 'failed', error, ...ending, ...partialOf(partial) };
}

const canceledWith = (partial: GeneratedPart | null): Change => ({
  event: 'job-canceled',
  status: 'canceled',
  finishReason: 'canceled',
  ...partialOf(partial),
});

const partialOf = (partial: GeneratedPart | null) =>
  partial === null ? {} : { partialCompletion: partial.completion, ...measuresOf(partial) };

const measuresOf = ({ usage, timeToFirstTokenMs, generationMs }: GeneratedPart) => ({
  usage,
  timeToFirstTokenMs,
  generationMs,
});
