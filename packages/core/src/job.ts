/** A job: one prompt on its way to text. States, predicates and the shape that every part of the service shares. */
import type { GenerateRequest } from './text-request.ts';

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

export interface Job extends GenerateRequest {
  /** UUID v7; nothing reads time or order from it. */
  readonly id: string;
  readonly ownerId: string;
  readonly status: JobStatus;
  /** Starts at 1 and rises with every transition. */
  readonly version: number;
  readonly priorityClass: PriorityClass;
  /** The second part of the claim order, by start-time fair queueing. */
  readonly turn: number;
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
  readonly createdAt: Date;
  /** The time of the latest claim. */
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
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

const terminalStatuses: ReadonlySet<JobStatus> = new Set(['succeeded', 'failed', 'canceled', 'expired']);

/** A terminal job never runs again. */
export const isTerminal = (status: JobStatus): boolean => terminalStatuses.has(status);
