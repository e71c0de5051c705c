/** How one attempt at a job ended. Expected endings are values, never exceptions. */
import type { FinishReason, JobError, TokenUsage } from './job.ts';

/** What a generation produced so far: the whole of it, or the part before it was cut short. */
export interface GeneratedPart {
  /** The prompt followed by the completion. */
  readonly generatedText: string;
  readonly usage: TokenUsage;
  /** From the start of the generation; null if no token came. */
  readonly timeToFirstTokenMs: number | null;
  readonly generationMs: number;
}

export interface FinishedGeneration extends GeneratedPart {
  readonly finishReason: Extract<FinishReason, 'stop' | 'length'>;
  readonly modelName: string;
}

/** The ending of an attempt, decided by the worker that ran it. Each has one transition. */
export type Outcome =
  | { readonly type: 'succeeded'; readonly result: FinishedGeneration }
  /** A permanent error, or (code `deadline_exceeded`) the deadline: the job fails. */
  | { readonly type: 'failed'; readonly error: JobError; readonly partial: GeneratedPart | null }
  /** A transient error: back to the queue after `delayMs`, or failed when no attempts are left. */
  | { readonly type: 'retried'; readonly error: JobError; readonly delayMs: number }
  | { readonly type: 'canceled'; readonly partial: GeneratedPart | null }
  /** The engine's process died with the job in it: counts like a lost worker. */
  | { readonly type: 'crashed' }
  /** The worker shuts down and hands the job back: costs no attempt. */
  | { readonly type: 'released' };

/**
 * What the database said to an outcome.
 * - `applied`: the row moved.
 * - `already`: this attempt's outcome is there; the reply to an earlier try was lost.
 * - `stale`: the row belongs to somebody else now; the outcome is dropped.
 */
export type Completion = 'applied' | 'already' | 'stale';
