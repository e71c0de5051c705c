/** Accepts jobs: checks, commits, then sends the hints. The answer never waits for the hints. */
import { randomInt } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import {
  assumedTokenBudget,
  errorLine,
  failpoint,
  formatTraceparent,
  type HintSender,
  type IdempotencyKey,
  type Job,
  type JobStore,
  type JobTerms,
  type Logger,
  newId,
  type PriorityClass,
  type TextRequest,
} from '@prosemill/core';
import type { Tracing } from '@prosemill/telemetry';
import type { RequestTrace } from '../api-env.ts';
import type { Estimates, PlannedJob } from './estimates.ts';
import { hashRequests } from './hash-request.ts';
import type { PromptCheck } from './prompt-check.ts';
import type { QueueBound } from './queue-bound.ts';
import { requireInTime } from './require-in-time.ts';

export interface SubmitJobOptions {
  readonly jobs: JobStore;
  readonly hints: HintSender;
  readonly checkPrompt: PromptCheck;
  readonly estimates: Estimates;
  readonly queueBound: QueueBound;
  readonly maxAttempts: number;
  readonly countAccepted: () => void;
  readonly tracing: Tracing;
  readonly logger: Logger;
}

interface CommonSubmission {
  readonly ownerId: string;
  readonly terms: JobTerms;
  /** The class at normal priority. */
  readonly priorityClass: Exclude<PriorityClass, 2>;
  readonly trace: RequestTrace;
  /** Undefined for a request without the header. */
  readonly idempotencyKey: string | undefined;
}

export interface Submission extends CommonSubmission {
  readonly request: TextRequest;
}

/** Jobs that are accepted together or not at all. */
export interface JointSubmission extends CommonSubmission {
  readonly requests: readonly TextRequest[];
}

/** A request that passed the checks. */
interface CheckedRequest {
  readonly request: TextRequest;
  readonly tokenBudget: number | null;
  readonly idempotency: IdempotencyKey | undefined;
}

export interface Accepted {
  readonly job: Job;
  /** True for the job of an earlier request with the same key. */
  readonly isReplay: boolean;
}

export interface DryRun {
  /** Null while no model is known. */
  readonly promptTokens: number | null;
  /** Null when it is not known. */
  readonly estimatedStartAt: Date | null;
}

export interface SubmitJobs {
  /**
   * @throws {AppError} as {@link PromptCheck}; `idempotency_key_reused`, `queue_full`, `deadline_unmeetable`,
   *   `database_unavailable`
   */
  readonly submitJob: (submission: Submission) => Promise<Accepted>;
  /** In the order of the requests. @throws {AppError} as `submitJob` */
  readonly submitAll: (submission: JointSubmission) => Promise<readonly Accepted[]>;
  /** Refuses like `submitJob`, and stores nothing. @throws {AppError} as `submitJob` */
  readonly dryRun: (submission: Submission) => Promise<DryRun>;
}

export function createSubmitJob(options: SubmitJobOptions): SubmitJobs {
  const { jobs, hints, checkPrompt, estimates, queueBound, maxAttempts, countAccepted, tracing, logger } = options;

  async function submitAll(submission: JointSubmission): Promise<readonly Accepted[]> {
    const { ownerId, requests } = submission;
    const keys = idempotencyKeysOf(submission);
    const earlier = await Promise.all(keys.map(async (key) => await jobs.findByIdempotencyKey(ownerId, key)));
    const replayed = earlier.filter((job) => job !== null);
    if (replayed.length === requests.length) return replayed.map((job) => ({ job, isReplay: true }));
    const startedAtMs = Date.now();
    await queueBound.requireRoom(ownerId);
    const checked = await checkAll(submission, keys);
    await requireTime(submission, checked);
    const tokens = checked.reduce((sum, { tokenBudget }) => sum + (tokenBudget ?? assumedTokenBudget), 0);
    return await queueBound.admit(ownerId, { jobs: requests.length, tokens }, async () => {
      return await submitNew(submission, checked, startedAtMs);
    });
  }

  async function checkAll(
    { requests, terms }: JointSubmission,
    keys: readonly IdempotencyKey[],
  ): Promise<readonly CheckedRequest[]> {
    const checked: CheckedRequest[] = [];
    for (const [index, request] of requests.entries()) {
      // Tokenizing many prompts takes a while: other requests go on in between.
      if (index > 0) await setImmediate();
      const { tokenBudget } = await checkPrompt(request, terms.requiredFingerprint);
      checked.push({ request, tokenBudget, idempotency: keys[index] });
    }
    return checked;
  }

  async function requireTime(submission: JointSubmission, checked: readonly CheckedRequest[]): Promise<void> {
    const { terms } = submission;
    if (terms.deadlineMs === null && terms.startTimeoutMs === null) return;
    const tokens = Math.max(...checked.map(({ tokenBudget }) => tokenBudget ?? assumedTokenBudget));
    requireInTime(terms, await estimates.foresee(planOf(submission, tokens)));
  }

  async function submitNew(
    { ownerId, terms, priorityClass, trace }: JointSubmission,
    checked: readonly CheckedRequest[],
    startedAtMs: number,
  ): Promise<readonly Accepted[]> {
    const newJobs = checked.map(({ request, tokenBudget, idempotency }) => ({
      ...request,
      ...terms,
      id: newId(),
      ownerId,
      priorityClass: classOf(priorityClass, terms),
      seed: request.seed ?? randomInt(2 ** 32),
      hasOwnSeed: request.seed !== null,
      tokenBudget,
      maxAttempts,
      traceparent: formatTraceparent(trace.context),
      ...(idempotency === undefined ? {} : { idempotency }),
    }));
    const stored = await jobs.submitAll(newJobs);
    // Another request with the same key may have been first; its process sends the hint.
    const accepted = stored.map((job, index) => ({ job, isReplay: job.id !== newJobs[index]?.id }));
    const fresh = accepted.filter(({ isReplay }) => !isReplay).map(({ job }) => job);
    if (fresh.length === 0) return accepted;
    for (const job of fresh) {
      countAccepted();
      const attributes = { 'prosemill.job_id': job.id, 'prosemill.class': job.priorityClass };
      tracing.record({ name: 'submit', ...trace, startedAtMs, endedAtMs: Date.now(), attributes });
    }
    await failpoint('submit.after_commit');
    void sendHints(fresh);
    return accepted;
  }

  async function sendHints(fresh: readonly Job[]): Promise<void> {
    try {
      await hints.send(fresh.map(({ id, dispatchEpoch }) => ({ id, epoch: dispatchEpoch })));
    } catch (error) {
      const jobId = fresh[0]?.id;
      logger.debug({ jobId, reason: errorLine(error) }, 'the hint may be lost; a worker will make up for it');
    }
  }

  async function dryRun({ request, ...common }: Submission): Promise<DryRun> {
    const { ownerId } = common;
    const [key] = idempotencyKeysOf({ ...common, requests: [request] });
    const earlier = key === undefined ? null : await jobs.findByIdempotencyKey(ownerId, key);
    if (earlier === null) await queueBound.requireRoom(ownerId, { isDryRun: true });
    const { promptTokens, tokenBudget } = await checkPrompt(request, common.terms.requiredFingerprint);
    // A submit would be answered with the earlier job, even by a full queue.
    if (earlier !== null) return { promptTokens, estimatedStartAt: null };
    const tokens = tokenBudget ?? assumedTokenBudget;
    const foreseen = await estimates.foresee(planOf(common, tokens));
    requireInTime(common.terms, foreseen);
    await queueBound.requireRoom(ownerId, { cost: { jobs: 1, tokens }, isDryRun: true });
    return { promptTokens, estimatedStartAt: foreseen?.startAt ?? null };
  }

  return {
    submitAll,
    dryRun,
    async submitJob({ request, ...common }) {
      const [accepted] = await submitAll({ ...common, requests: [request] });
      return accepted as Accepted;
    },
  };
}

const planOf = ({ ownerId, priorityClass, terms }: CommonSubmission, tokens: number): PlannedJob => ({
  ownerId,
  priorityClass: classOf(priorityClass, terms),
  tokens,
});

const classOf = (normal: PriorityClass, { priority }: JobTerms): PriorityClass => (priority === 'low' ? 2 : normal);

/**
 * The keys of the jobs; none without the header. The first has the client's own key. The others add their index after a
 * space, which no client's key can have.
 */
function idempotencyKeysOf({ idempotencyKey, requests, terms }: JointSubmission): readonly IdempotencyKey[] {
  if (idempotencyKey === undefined) return [];
  const requestHash = hashRequests(requests, terms);
  return requests.map((_, index) => ({
    key: index === 0 ? idempotencyKey : `${idempotencyKey} ${index}`,
    requestHash,
  }));
}
