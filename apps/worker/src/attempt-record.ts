/** What is told of an attempt at a job: its log lines, numbers and spans. Ids, numbers and codes, no text. */
import {
  childOf,
  type ClaimedJob,
  type Completion,
  type GeneratedPart,
  type Logger,
  type Outcome,
  parseTraceparent,
} from '@prosemill/core';
import { logFieldsOfTrace, type Span, type Tracing } from '@prosemill/telemetry';
import type { WorkerMetrics } from './worker-metrics.ts';

export interface AttemptRecordOptions {
  readonly logger: Logger;
  readonly metrics: WorkerMetrics;
  readonly tracing: Tracing;
  readonly workerId: string;
}

export interface AttemptRecord {
  /** Of the attempt: each line names it, its job and its span. */
  readonly logger: Logger;
  /** There is an outcome, not written yet. @param outcome  Null: the job is somebody else's, there is nothing to write. */
  generated(outcome: Outcome | null): void;
  /** The last word. @param completion  `unknown`: the outcome could not be written. */
  ended(outcome: Outcome | null, completion: Completion | 'unknown'): void;
}

/** Begins with a line, a count and the span of the time in the queue. */
export function recordAttempt(
  { job, waitedMs, ageMs }: ClaimedJob,
  { logger, metrics, tracing, workerId }: AttemptRecordOptions,
): AttemptRecord {
  // A job of an older version has no trace: each of its attempts is one.
  const parent = parseTraceparent(job.traceparent) ?? childOf(null);
  const context = childOf(parent);
  const attemptLogger = logger.child({ jobId: job.id, attempt: job.attempt, workerId, ...logFieldsOfTrace(context) });
  const claimedAtMs = Date.now();
  let generatedAtMs = claimedAtMs;

  function recordSpan(span: Pick<Span, 'name' | 'startedAtMs' | 'endedAtMs'> & Partial<Span>): void {
    const attributes = { 'prosemill.job_id': job.id, 'prosemill.attempt': job.attempt, ...span.attributes };
    tracing.record({ context: childOf(parent), parent, ...span, attributes });
  }

  metrics.countStarted();
  metrics.observeQueueWait(waitedMs / 1_000, { class: `${job.priorityClass}` });
  recordSpan({ name: 'queue', startedAtMs: claimedAtMs - waitedMs, endedAtMs: claimedAtMs });
  attemptLogger.info({}, 'job attempt started');

  return {
    logger: attemptLogger,
    generated(outcome) {
      generatedAtMs = Date.now();
      recordSpan({
        name: 'generate',
        context,
        startedAtMs: claimedAtMs,
        endedAtMs: generatedAtMs,
        attributes: attributesOf(outcome, job.model?.name),
        ...(outcome !== null && 'error' in outcome ? { errorCode: outcome.error.code } : {}),
        ...(outcome?.type === 'crashed' ? { errorCode: 'worker_lost' } : {}),
      });
    },
    ended(outcome, completion) {
      if (outcome !== null) {
        const attributes = { 'prosemill.completion': completion };
        recordSpan({ name: 'write', startedAtMs: generatedAtMs, endedAtMs: Date.now(), attributes });
      }
      const part = partOf(outcome);
      metrics.countEnded(outcome?.type ?? 'lost');
      if (completion === 'stale') metrics.countStale();
      if (outcome?.type === 'crashed') metrics.countCrashed();
      if (part !== null) observePart(part, metrics);
      if (outcome?.type === 'succeeded' && completion !== 'stale') {
        metrics.observeJob((ageMs + Date.now() - claimedAtMs) / 1_000);
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

/** Names as OpenTelemetry's conventions for generating models have them. */
function attributesOf(outcome: Outcome | null, model: string | undefined): Span['attributes'] {
  const part = partOf(outcome);
  return {
    'prosemill.outcome': outcome?.type ?? 'lost',
    ...(model === undefined ? {} : { 'gen_ai.request.model': model }),
    ...(part === null
      ? {}
      : {
          'gen_ai.usage.input_tokens': part.usage.promptTokens,
          'gen_ai.usage.output_tokens': part.usage.completionTokens,
        }),
  };
}

function partOf(outcome: Outcome | null): GeneratedPart | null {
  if (outcome === null) return null;
  if (outcome.type === 'succeeded') return outcome.result;
  return 'partial' in outcome ? outcome.partial : null;
}
