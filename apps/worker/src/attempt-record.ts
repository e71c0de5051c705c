/** What is told of an attempt at a job: its log lines and its numbers. Numbers and codes, no text. */
import type { ClaimedJob, Completion, GeneratedPart, Logger, Outcome } from '@prosemill/core';
import type { WorkerMetrics } from './worker-metrics.ts';

export interface AttemptRecordOptions {
  readonly logger: Logger;
  readonly metrics: WorkerMetrics;
  readonly workerId: string;
}

export interface AttemptRecord {
  /** Of the attempt: each line names it. */
  readonly logger: Logger;
  /**
   * The last word. @param outcome  Null: the job is somebody else's, nothing was written.
   * @param completion  `unknown`: the outcome could not be written.
   */
  ended(outcome: Outcome | null, completion: Completion | 'unknown'): void;
}

/** Begins with a line and a count. */
export function recordAttempt(
  { job, waitedMs, ageMs }: ClaimedJob,
  { logger, metrics, workerId }: AttemptRecordOptions,
): AttemptRecord {
  const attemptLogger = logger.child({ jobId: job.id, attempt: job.attempt, workerId });
  const claimedAt = performance.now();
  metrics.countStarted();
  metrics.observeQueueWait(waitedMs / 1_000, { class: `${job.priorityClass}` });
  attemptLogger.info({}, 'job attempt started');

  return {
    logger: attemptLogger,
    ended(outcome, completion) {
      const part = partOf(outcome);
      metrics.countEnded(outcome?.type ?? 'lost');
      if (completion === 'stale') metrics.countStale();
      if (outcome?.type === 'crashed') metrics.countCrashed();
      if (part !== null) observePart(part, metrics);
      if (outcome?.type === 'succeeded' && completion !== 'stale') {
        metrics.observeJob((ageMs + performance.now() - claimedAt) / 1_000);
      }
      attemptLogger.info({ completion, ...logFieldsOf(outcome, part) }, 'job attempt ended');
    },
  };
}

function observePart(part: GeneratedPart, metrics: WorkerMetrics): void {
  metrics.countTokens(part.usage);
  metrics.observeGeneration(part.generationMs / 1_000);
  if (part.timeToFirstTokenMs !== null) metrics.observeFirstToken(part.timeToFirstTokenMs / 1_000);
}

function logFieldsOf(outcome: Outcome | null, part: GeneratedPart | null): Record<string, unknown> {
  if (outcome === null) return { outcome: 'lost' };
  return {
    outcome: outcome.type,
    ...('error' in outcome ? { code: outcome.error.code, reason: outcome.error.message } : {}),
    ...(part === null ? {} : { ...part.usage, generationMs: Math.round(part.generationMs) }),
  };
}

function partOf(outcome: Outcome | null): GeneratedPart | null {
  if (outcome === null) return null;
  if (outcome.type === 'succeeded') return outcome.result;
  return 'partial' in outcome ? outcome.partial : null;
}
