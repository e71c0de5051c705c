/** Estimates of the times at which a job starts and finishes. Pure: times are milliseconds from now. */
import type { QueueLoad } from './ports/job-store.ts';
import type { Throughput } from './speed.ts';

/** The part of an answer about an unfinished job that changes while the job does not. Null: not known. */
export interface JobEstimate {
  /** Queued jobs before it, rounded from 1,000 on; null unless it is queued. */
  readonly ahead: number | null;
  /** Null unless it is queued. */
  readonly startAt: Date | null;
  readonly finishAt: Date | null;
  /** The time until `finishAt`. */
  readonly finishInMs: number | null;
  /** New tokens of a running job, as its worker last reported them. */
  readonly tokensWritten: number | null;
}

export const noEstimate: JobEstimate = {
  ahead: null,
  startAt: null,
  finishAt: null,
  finishInMs: null,
  tokensWritten: null,
};

/** Whole milliseconds until a client should try again: a quarter of a second to half a minute. */
export const boundedWaitMs = (ms: number): number => Math.ceil(Math.min(Math.max(250, ms), 30_000));

export interface TimeEstimate {
  readonly startInMs: number;
  readonly finishInMs: number;
}

/** The jobs that run now. */
export interface RunningLoad extends QueueLoad {
  /** The times since their claims, added up. */
  readonly ms: number;
}

export interface QueuedJob {
  readonly tokens: number;
  /** The queued jobs before it. */
  readonly ahead: QueueLoad;
}

/**
 * A queued job starts when the workers have done the work before it: that of the jobs ahead, and the rest of the
 * running ones, less the part that still runs in the other slots at that moment. Texts start at different times, so
 * half of the work in the slots is left on average.
 */
export function estimateQueued(
  { tokens, ahead }: QueuedJob,
  running: RunningLoad,
  throughput: Throughput,
): TimeEstimate {
  const { slots, tokensPerMs } = throughput;
  const free = Math.max(0, slots - running.jobs);
  if (ahead.jobs < free) {
    return { startInMs: 0, finishInMs: tokens * throughput.msPerToken(running.jobs + ahead.jobs + 1) };
  }
  const msPerToken = throughput.msPerToken(slots);
  // The first jobs ahead fill the free slots at once.
  const filled = ahead.jobs === 0 ? 0 : (free / ahead.jobs) * ahead.tokens;
  const inSlots = running.tokens + filled;
  const done = Math.min(running.tokens, running.ms / msPerToken);
  const left = inSlots - done - ((slots - 1) / slots) * (inSlots / 2);
  const startInMs = Math.max(0, ahead.tokens - filled + left) / tokensPerMs;
  return { startInMs, finishInMs: startInMs + tokens * msPerToken };
}

/** @returns the time until a running job ends; 0 when it takes longer than expected */
export const estimateRunning = (
  { tokens, ranMs }: { readonly tokens: number; readonly ranMs: number },
  running: RunningLoad,
  throughput: Throughput,
): number => Math.max(0, tokens * throughput.msPerToken(running.jobs) - ranMs);
