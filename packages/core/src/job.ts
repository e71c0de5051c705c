/** A job: one prompt on its way to text. States, predicates and the shape that every part of the service shares. */

/**
 * - `queued`: committed and waiting. Entered by a submit, a retry, a drain, a crash or a rescue; left by a claim, a cancel or a passed deadline.
 * - `running`: one worker holds the lease. Left by that worker, or by the reconciler once the lease is over.
 * - `succeeded`: the text is in `generation_records`. Terminal.
 * - `failed`: a permanent error, no attempts left, or the deadline passed while running (partial text kept). Terminal.
 * - `canceled`: by request, before or during the run (partial text kept). Terminal.
 * - `expired`: the deadline passed before a worker claimed it. Terminal.
 */
export const jobStatuses = ['queued', 'running', 'succeeded', 'failed', 'canceled', 'expired'] as const;
export type JobStatus = (typeof jobStatuses)[number];

export const finishReasons = ['stop', 'length', 'canceled', 'timeout'] as const;
/** Why a text ends: a stop string or end of text, its limit, a cancel, the deadline. */
export type FinishReason = (typeof finishReasons)[number];

/** The first part of the claim order: 0 a caller waits, 1 normal, 2 low. */
export type PriorityClass = 0 | 1 | 2;

/** How to sample, with every default filled in. Names and meaning are Hugging Face's. */
export interface SamplingParameters {
  /** Prompt tokens + new tokens, 10..200; null: max(50, prompt tokens + 20), also beyond 200, unless `maxNewTokens` is set. */
  readonly maxLength: number | null;
  /** New tokens, 1..context − prompt tokens; wins over `maxLength`. */
  readonly maxNewTokens: number | null;
  /** 0..2; 0 is greedy. */
  readonly temperature: number;
  /** Keep the k likeliest tokens, 0..1000; 0 keeps all. */
  readonly topK: number;
  /** Keep the smallest set of tokens whose probability reaches this, (0, 1]; 1 keeps all. */
  readonly topP: number;
  /** Divide positive and multiply negative logits of tokens already seen, (0, 10]; 1 does nothing. */
  readonly repetitionPenalty: number;
  /** Up to 4 non-empty strings; the text ends before the first that appears. */
  readonly stop: readonly string[];
}

/** The values of a request that does not name them, and of a stored job of a version that did not know them. */
export const defaultSamplingParameters: SamplingParameters = {
  maxLength: null,
  maxNewTokens: null,
  temperature: 1,
  topK: 50,
  topP: 1,
  repetitionPenalty: 1,
  stop: [],
};

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
  /** The prompt followed by what the model wrote. */
  readonly generatedText: string;
  readonly finishReason: FinishReason;
  /** The id in `/history`; null for partial text. */
  readonly generationId: number | null;
}

export interface Job {
  /** UUID v7; nothing reads time or order from it. */
  readonly id: string;
  readonly ownerId: string;
  readonly status: JobStatus;
  /** Starts at 1 and rises with every transition. */
  readonly version: number;
  readonly priorityClass: PriorityClass;
  /** Start-time fair queueing: the second part of the claim order. */
  readonly turn: number;
  readonly prompt: string;
  readonly parameters: SamplingParameters;
  /** Unsigned 32-bit; always chosen, by the caller or at submit. */
  readonly seed: number;
  /** Null until a worker has claimed the job. */
  readonly model: ModelIdentity | null;
  /** Claims so far; the number of the current one is the fencing token of every write. */
  readonly attempt: number;
  /** Claims handed back by a worker that shut down; they do not count against `maxAttempts`. */
  readonly releasedCount: number;
  /** Claims that ended with a lost lease or a dead engine; with any, the job runs alone in its engine. */
  readonly crashCount: number;
  readonly maxAttempts: number;
  /** Rises with every return to `queued`, so that each return has a hint id of its own. */
  readonly dispatchEpoch: number;
  readonly output: JobOutput | null;
  readonly error: JobError | null;
  readonly usage: TokenUsage | null;
  readonly timeToFirstTokenMs: number | null;
  readonly generationMs: number | null;
  readonly cancelRequestedAt: Date | null;
  readonly createdAt: Date;
  /** Of the latest claim. */
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** The span of its submit, as `formatTraceparent` writes it; null for a job of an older version. */
  readonly traceparent: string | null;
}

/** A finished text as `/history` shows it. */
export interface GenerationRecord {
  readonly id: number;
  readonly jobId: string;
  readonly prompt: string;
  readonly generatedText: string;
  readonly modelName: string;
  readonly createdAt: Date;
}

const terminalStatuses: ReadonlySet<JobStatus> = new Set(['succeeded', 'failed', 'canceled', 'expired']);

/** A terminal job never runs again. */
export const isTerminal = (status: JobStatus): boolean => terminalStatuses.has(status);
