/** Endings of an attempt at a job. Expected endings are values, never exceptions. */
import type { FinishReason, JobError, TokenUsage } from './job.ts';

/** The result of a generation: all of it, or the part that was there when it was cut short. */
export interface GeneratedPart {
  /** The text after the prompt. */
  readonly completion: string;
  readonly usage: TokenUsage;
  /** From the start of the generation; null without a token. */
  readonly timeToFirstTokenMs: number | null;
  readonly generationMs: number;
}

export interface FinishedGeneration extends GeneratedPart {
  readonly finishReason: Extract<FinishReason, 'stop' | 'length'>;
  readonly modelName: string;
}

/** An ending that the worker of the attempt writes to the database. Each has one transition. */
export type Outcome =
  | { readonly type: 'succeeded'; readonly result: FinishedGeneration }
  /** A permanent error, or (code `deadline_exceeded`) the deadline: the job fails. */
  | { readonly type: 'failed'; readonly error: JobError; readonly partial: GeneratedPart | null }
  /** A transient error: the job goes back to the queue after `delayMs`, or fails when no attempts are left. */
  | { readonly type: 'retried'; readonly error: JobError; readonly delayMs: number }
  | { readonly type: 'canceled'; readonly partial: GeneratedPart | null }
  /** The process of the engine died with the job in it: counts like a lost worker. */
  | { readonly type: 'crashed' }
  /** The worker shuts down and hands the job back: this costs no attempt. */
  | { readonly type: 'released' };

/** The ending of an attempt; `lost`: the job belongs to another attempt now, and there is nothing to write. */
export type AttemptEnding = Outcome | { readonly type: 'lost' };

/**
 * The answer of the database to an outcome.
 * - `applied`: the row moved.
 * - `already`: the outcome of this attempt is there; the reply to an earlier try was lost.
 * - `stale`: the job belongs to another attempt now; the outcome is dropped.
 */
export type OutcomeReceipt = 'applied' | 'already' | 'stale';
