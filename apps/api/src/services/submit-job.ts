/** Accepts a job: checks, commits, then sends the hint. The answer never waits for the hint. */
import { randomInt } from 'node:crypto';
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
import { hashRequest } from './hash-request.ts';
import type { PromptCheck } from './prompt-check.ts';
import type { QueueBound } from './queue-bound.ts';

export interface SubmitJobOptions {
  readonly jobs: JobStore;
  readonly hints: HintSender;
  readonly checkPrompt: PromptCheck;
  readonly queueBound: QueueBound;
  readonly maxAttempts: number;
  readonly countAccepted: () => void;
  readonly tracing: Tracing;
  readonly logger: Logger;
}

export interface Submission {
  readonly ownerId: string;
  readonly request: TextRequest;
  readonly terms: JobTerms;
  readonly priorityClass: PriorityClass;
  readonly trace: RequestTrace;
  /** Undefined for a request without the header. */
  readonly idempotencyKey: string | undefined;
}

interface NewSubmission {
  readonly idempotency: IdempotencyKey | null;
  readonly tokenBudget: number | null;
  /** For the trace. */
  readonly startedAtMs: number;
}

export interface Accepted {
  readonly job: Job;
  /** True for the job of an earlier request with the same key. */
  readonly isReplay: boolean;
}

/** @throws {AppError} as {@link PromptCheck}; `idempotency_key_reused`, `queue_full`, `database_unavailable` */
export type SubmitJob = (submission: Submission) => Promise<Accepted>;

export function createSubmitJob(options: SubmitJobOptions): SubmitJob {
  const { jobs, hints, checkPrompt, queueBound, maxAttempts, countAccepted, tracing, logger } = options;

  return async function submitJob(submission) {
    const idempotency = idempotencyOf(submission);
    const earlier = idempotency && (await jobs.findByIdempotencyKey(submission.ownerId, idempotency));
    if (earlier !== null) return { job: earlier, isReplay: true };
    const startedAtMs = Date.now();
    await queueBound.requireRoom(submission.ownerId);
    const { tokenBudget } = await checkPrompt(submission.request);
    const cost = { jobs: 1, tokens: tokenBudget ?? assumedTokenBudget };
    return await queueBound.admit(submission.ownerId, cost, async () => {
      return await submitNew(submission, { idempotency, tokenBudget, startedAtMs });
    });
  };

  async function submitNew(submission: Submission, { idempotency, tokenBudget, startedAtMs }: NewSubmission) {
    const { ownerId, request, terms, priorityClass, trace } = submission;
    const id = newId();
    const job = await jobs.submit({
      ...request,
      ...terms,
      id,
      ownerId,
      priorityClass,
      seed: request.seed ?? randomInt(2 ** 32),
      hasOwnSeed: request.seed !== null,
      tokenBudget,
      maxAttempts,
      traceparent: formatTraceparent(trace.context),
      ...(idempotency === null ? {} : { idempotency }),
    });
    // Another request with the same key was first; its process sends the hint.
    if (job.id !== id) return { job, isReplay: true };
    countAccepted();
    const attributes = { 'prosemill.job_id': id, 'prosemill.class': priorityClass };
    tracing.record({ name: 'submit', ...trace, startedAtMs, endedAtMs: Date.now(), attributes });
    await failpoint('submit.after_commit');
    void sendHint(job);
    return { job, isReplay: false };
  }

  async function sendHint(job: Job): Promise<void> {
    try {
      await hints.send([{ id: job.id, epoch: job.dispatchEpoch }]);
    } catch (error) {
      logger.debug({ jobId: job.id, reason: errorLine(error) }, 'the hint may be lost; a worker will make up for it');
    }
  }
}

const idempotencyOf = ({ idempotencyKey, request, terms }: Submission): IdempotencyKey | null =>
  idempotencyKey === undefined ? null : { key: idempotencyKey, requestHash: hashRequest(request, terms) };
