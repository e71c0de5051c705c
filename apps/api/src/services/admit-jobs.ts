/** Admits new jobs: checks, the room in the queue, the commit, then the hints. The answer never waits for the hints. */
import { randomInt } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import {
  AppError,
  assumedTokenBudget,
  type ErrorCode,
  errorLine,
  failpoint,
  formatTraceparent,
  type HintSender,
  type JobRequest,
  type JobTerms,
  type Logger,
  type NewJob,
  newId,
  type PriorityClass,
} from '@prosemill/core';
import type { Tracing } from '@prosemill/telemetry';
import type { RequestTrace } from '../api-env.ts';
import type { Estimates, PlannedJob } from './estimates.ts';
import type { PromptCheck } from './prompt-check.ts';
import type { QueueBound } from './queue-bound.ts';
import { requireInTime } from './require-in-time.ts';

export interface AdmitJobsOptions {
  readonly hints: HintSender;
  readonly checkPrompt: PromptCheck;
  readonly estimates: Pick<Estimates, 'foresee'>;
  readonly queueBound: QueueBound;
  readonly maxAttempts: number;
  readonly countAccepted: () => void;
  readonly tracing: Tracing;
  readonly logger: Logger;
}

/** The sender of jobs. */
export interface Sender {
  readonly ownerId: string;
  /** The class at normal priority. */
  readonly priorityClass: Exclude<PriorityClass, 2>;
  readonly trace: RequestTrace;
}

/** Jobs that are admitted together or not at all. */
export interface Admission extends Sender {
  readonly requests: readonly JobRequest[];
  /** The JSON pointer to the prompt of each request. With it, a refusal names all prompts that are refused. */
  readonly pointerOf?: (index: number) => string;
}

export interface Committed<Result> {
  readonly result: Result;
  /** The jobs that this commit made. */
  readonly fresh: readonly Pick<NewJob, 'id' | 'priorityClass'>[];
}

/**
 * @param commit  Stores the new jobs, whose order is that of the requests.
 * @throws {AppError} as {@link PromptCheck}; `queue_full`, `deadline_unmeetable`; and what `commit` throws
 */
export type AdmitJobs = <Result>(
  admission: Admission,
  commit: (jobs: readonly NewJob[]) => Promise<Committed<Result>>,
) => Promise<Result>;

interface CheckedRequest extends JobRequest {
  readonly tokenBudget: number | null;
}

const refusals: ReadonlySet<ErrorCode> = new Set(['prompt_refused', 'context_length_exceeded']);

export function createAdmitJobs(options: AdmitJobsOptions): AdmitJobs {
  const { hints, checkPrompt, estimates, queueBound, maxAttempts, countAccepted, tracing, logger } = options;

  async function checkAll({ requests, pointerOf }: Admission): Promise<readonly CheckedRequest[]> {
    const checked: CheckedRequest[] = [];
    const refused: { readonly pointer: string; readonly error: AppError }[] = [];
    for (const [index, { request, terms }] of requests.entries()) {
      // Tokenizing many prompts takes a while: other requests go on in between.
      if (index > 0) await setImmediate();
      try {
        const { tokenBudget } = await checkPrompt(request, terms.requiredFingerprint);
        checked.push({ request, terms, tokenBudget });
      } catch (error) {
        if (pointerOf === undefined || !(error instanceof AppError) || !refusals.has(error.code)) throw error;
        refused.push({ pointer: pointerOf(index), error });
      }
    }
    const [first] = refused;
    if (first !== undefined) throw refusedTogether(first.error, refused);
    return checked;
  }

  /** Each job is taken alone, without those that come before it in the same request: a limit that may be met passes. */
  async function requireTime(sender: Sender, checked: readonly CheckedRequest[]): Promise<void> {
    const timed = checked.filter(({ terms }) => terms.deadlineMs !== null || terms.startTimeoutMs !== null);
    const plans = timed.map(({ terms, tokenBudget }) => ({ terms, plan: planOf(sender, terms, tokenBudget) }));
    const distinct = new Map(plans.map((each) => [keyOfPlan(each), each]));
    for (const { terms, plan } of distinct.values()) requireInTime(terms, await estimates.foresee(plan));
  }

  function announce({ trace }: Sender, fresh: Committed<unknown>['fresh'], startedAtMs: number): void {
    for (const { id, priorityClass } of fresh) {
      countAccepted();
      const attributes = { 'prosemill.job_id': id, 'prosemill.class': priorityClass };
      tracing.record({ name: 'submit', ...trace, startedAtMs, endedAtMs: Date.now(), attributes });
    }
  }

  const newJobOf = (sender: Sender, { request, terms, tokenBudget }: CheckedRequest): NewJob => ({
    ...request,
    ...terms,
    id: newId(),
    ownerId: sender.ownerId,
    priorityClass: classOf(sender.priorityClass, terms),
    seed: request.seed ?? randomInt(2 ** 32),
    hasOwnSeed: request.seed !== null,
    tokenBudget,
    maxAttempts,
    traceparent: formatTraceparent(sender.trace.context),
  });

  async function sendHints(fresh: Committed<unknown>['fresh']): Promise<void> {
    try {
      await hints.send(fresh.map(({ id }) => ({ id, epoch: 0 })));
    } catch (error) {
      const jobId = fresh[0]?.id;
      logger.debug({ jobId, reason: errorLine(error) }, 'the hint may be lost; a worker will make up for it');
    }
  }

  return async function admitJobs(admission, commit) {
    const startedAtMs = Date.now();
    const { ownerId } = admission;
    await queueBound.requireRoom(ownerId);
    const checked = await checkAll(admission);
    await requireTime(admission, checked);
    const tokens = checked.reduce((sum, { tokenBudget }) => sum + (tokenBudget ?? assumedTokenBudget), 0);
    return await queueBound.admit(ownerId, { jobs: checked.length, tokens }, async () => {
      const newJobs = checked.map((each) => newJobOf(admission, each));
      const { result, fresh } = await commit(newJobs);
      if (fresh.length === 0) return result;
      announce(admission, fresh, startedAtMs);
      await failpoint('submit.after_commit');
      void sendHints(fresh);
      return result;
    });
  };
}

export const planOf = (
  { ownerId, priorityClass }: Sender,
  terms: JobTerms,
  tokenBudget: number | null,
): PlannedJob => ({
  ownerId,
  priorityClass: classOf(priorityClass, terms),
  tokens: tokenBudget ?? assumedTokenBudget,
});

const classOf = (normal: PriorityClass, { priority }: JobTerms): PriorityClass => (priority === 'low' ? 2 : normal);

const keyOfPlan = ({ terms, plan }: { readonly terms: JobTerms; readonly plan: PlannedJob }): string =>
  JSON.stringify([plan, terms.deadlineMs, terms.startTimeoutMs]);

/** The first refusal, with the pointers of all. */
function refusedTogether(
  { code, message, details }: AppError,
  refused: readonly { readonly pointer: string; readonly error: AppError }[],
): AppError {
  const errors = refused.map(({ pointer, error }) => ({ pointer, detail: error.message, code: error.code }));
  return new AppError(code, { message, details: { ...details, errors } });
}
