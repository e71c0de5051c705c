/** A job: one prompt on its way to text. States, predicates and the shape that every part of the service shares. */
import type { GenerateRequest, TextRequest } from './text-request.ts';
import type { Webhook } from './webhook.ts';

/**
 * - `queued`: committed and waiting. Entered by a submit, a retry, a release, a crash or a rescue; left by a claim, a
 *   cancel or a passed deadline.
 * - `running`: one worker holds the lease. Left by that worker, or by the reconciler once the lease is over.
 * - `succeeded`: the text is in `generation_records`. Terminal.
 * - `failed`: a permanent error, no attempts left, or the deadline passed while running (partial text kept).
 *   Terminal.
 * - `canceled`: by request, before or during the run (partial text kept). Terminal.
 * - `expired`: the deadline passed before a worker claimed it. Terminal.
 */
export const jobStatuses = ['queued', 'running', 'succeeded', 'failed', 'canceled', 'expired'] as const;
export type JobStatus = (typeof jobStatuses)[number];

export const finishReasons = ['stop', 'length', 'canceled', 'timeout'] as const;
/** The reason why a text ends: a stop string or end of text, its limit, a cancel, the deadline. */
export type FinishReason = (typeof finishReasons)[number];

/** The first part of the claim order. 0: a client waits. 1: normal. 2: low. */
export type PriorityClass = 0 | 1 | 2;

/** The model as a job reports it. `fingerprint` changes whenever the same seed might give another text. */
export interface ModelIdentity {
  readonly name: string;
  readonly revision: string;
  readonly engine: string;
  readonly dtype: string;
  readonly fingerprint: string;
}

export interface TokenUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export interface JobError {
  readonly code: string;
  readonly message: string;
}

export interface JobOutput {
  /** The text after the prompt. */
  readonly completion: string;
  readonly finishReason: FinishReason;
  /** The id in `/history`; null for partial text. */
  readonly generationId: number | null;
}

/** The budget that sums assume where it is not known: that of a short prompt without a limit of its own. */
export const assumedTokenBudget = 50;

/** Pairs of strings that a client keeps with its job. */
export type Metadata = Readonly<Record<string, string>>;

export const priorities = ['normal', 'low'] as const;
export type Priority = (typeof priorities)[number];

/** The terms of a job: everything in its submit besides prompt, parameters and seed. */
export interface JobTerms {
  readonly metadata: Metadata;
  readonly priority: Priority;
  /** From the submit to the end of the job; null: no deadline. */
  readonly deadlineMs: number | null;
  /** From the submit to the first claim; null: no limit. */
  readonly startTimeoutMs: number | null;
  /** The worker journals the text while it generates, because a client streams it. */
  readonly isWatched: boolean;
  /** The job that this one repeats for its client; null for none. */
  readonly retryOf: string | null;
  /** The job whose text this one verifies; null for none. Such a job is in no list and no history. */
  readonly verifyOf: string | null;
  /** Only workers whose model has this fingerprint may claim the job; null: all workers. */
  readonly requiredFingerprint: string | null;
  /** The batch of the job, and the client's name for the job in it; both are null for a job without a batch. */
  readonly batchId: string | null;
  readonly customId: string | null;
  /** The receiver of messages about the end of the job; null: none. */
  readonly webhook: Webhook | null;
  /** False: the job is purged `unstoredMs` after its end, and is never in the history. */
  readonly isStored: boolean;
}

export const defaultTerms: JobTerms = {
  metadata: {},
  priority: 'normal',
  deadlineMs: null,
  startTimeoutMs: null,
  isWatched: false,
  retryOf: null,
  verifyOf: null,
  requiredFingerprint: null,
  batchId: null,
  customId: null,
  webhook: null,
  isStored: true,
};

/** Everything that a client says about a job. */
export interface JobRequest {
  readonly request: TextRequest;
  readonly terms: JobTerms;
}

/** The time from the end of a job that is not to be stored until its purge. */
export const unstoredMs = 60_000;

export interface Job extends GenerateRequest, Omit<JobTerms, 'priority' | 'deadlineMs' | 'startTimeoutMs'> {
  /** UUID v7; nothing reads time or order from it. */
  readonly id: string;
  readonly ownerId: string;
  readonly status: JobStatus;
  /** Starts at 1 and rises with every transition. */
  readonly version: number;
  readonly priorityClass: PriorityClass;
  /** The second part of the claim order, by start-time fair queueing. */
  readonly turn: number;
  /** The client sent the seed; otherwise the service chose it. */
  readonly hasOwnSeed: boolean;
  /** Tokens of the prompt and the most new tokens together; null when no model was known at the submit. */
  readonly tokenBudget: number | null;
  /** Null until a worker has claimed the job. */
  readonly model: ModelIdentity | null;
  /** The number of claims so far. The current one is the fencing token of every write. */
  readonly attempt: number;
  /** Claims that a worker handed back at its shutdown; they do not count against `maxAttempts`. */
  readonly releasedCount: number;
  /** Claims that ended with a lost lease or a dead engine. Above 0 the job runs alone in its engine. */
  readonly crashCount: number;
  readonly maxAttempts: number;
  /** Rises with every return to `queued`: each return needs a hint id of its own. */
  readonly dispatchEpoch: number;
  readonly output: JobOutput | null;
  readonly error: JobError | null;
  readonly usage: TokenUsage | null;
  readonly timeToFirstTokenMs: number | null;
  readonly generationMs: number | null;
  readonly cancelRequestedAt: Date | null;
  /** Null: no deadline. */
  readonly deadlineAt: Date | null;
  /** The first claim must come before this; null: no limit. */
  readonly startDeadlineAt: Date | null;
  readonly createdAt: Date;
  /** The time of the latest claim. */
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** The time of the purge to come; null before the end of the job, and when it is kept until it is deleted. */
  readonly expiresAt: Date | null;
  /** Since then the row is a tombstone: prompt, text, parameters and metadata are gone. Null: not purged. */
  readonly purgedAt: Date | null;
  /** The span of the submit, written by `formatTraceparent`; null for a job of a version without traces. */
  readonly traceparent: string | null;
}

/** A finished text as `/history` shows it. */
export interface GenerationRecord {
  readonly id: number;
  readonly jobId: string;
  readonly prompt: string;
  /** The text after the prompt. */
  readonly completion: string;
  readonly modelName: string;
  readonly createdAt: Date;
}

/** The terminal statuses: a job that has ended never runs again. */
export const endedStatuses = ['succeeded', 'failed', 'canceled', 'expired'] as const satisfies readonly JobStatus[];
export type EndedStatus = (typeof endedStatuses)[number];

/** A record with a value for each terminal status. */
export const byEndedStatus = <Value>(valueOf: (status: EndedStatus) => Value): Record<EndedStatus, Value> =>
  Object.fromEntries(endedStatuses.map((status) => [status, valueOf(status)])) as Record<EndedStatus, Value>;

const terminalStatuses: ReadonlySet<JobStatus> = new Set(endedStatuses);

export const isTerminal = (status: JobStatus): boolean => terminalStatuses.has(status);

/** {@link isTerminal}, for the compiler. */
export const isEnded = (status: JobStatus): status is EndedStatus => isTerminal(status);
