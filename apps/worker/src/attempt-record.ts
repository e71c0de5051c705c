/** Records an attempt at a job in logs, metrics and traces: ids, numbers and codes, never text. */
import {
  type AttemptEnding,
  childOf,
  type ClaimedJob,
  type GeneratedPart,
  type Logger,
  type OutcomeReceipt,
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
  /** Each line names the attempt, its job and its span. */
  readonly logger: Logger;
  /** Called when the ending is known and not written yet. */
  generated(ending: AttemptEnding): void;
  /** @param receipt  `unknown`: the outcome could not be written. */
  ended(ending: AttemptEnding, receipt: OutcomeReceipt | 'unknown'): void;
}

/** Starts the record with a log line, a count and the span of the time in the queue. */
export function recordAttempt(
  { job, waitedMs, ageMs }: ClaimedJob,
  { logger, metrics, tracing, workerId }: AttemptRecordOptions,
): AttemptRecord {
  // A job stored by a version without traces has no trace: each of its attempts begins one.
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
    generated(ending) {
      generatedAtMs = Date.now();
      recordSpan({
        name: 'generate',
        context,
        startedAtMs: claimedAtMs,
        endedAtMs: generatedAtMs,
        attributes: attributesOf(ending, job.model?.name),
        ...('error' in ending ? { errorCode: ending.error.code } : {}),
        ...(ending.type === 'crashed' ? { errorCode: 'worker_lost' } : {}),
      });
    },
    ended(ending, receipt) {
      if (ending.type !== 'lost') {
        const attributes = { 'prosemill.completion': receipt };
        recordSpan({ name: 'write', startedAtMs: generatedAtMs, endedAtMs: Date.now(), attributes });
      }
      const part = partOf(ending);
      metrics.countEnded(ending.type);
      if (receipt === 'stale') metrics.countStale();
      if (ending.type === 'crashed') metrics.countCrashed();
      if (part !== null) observePart(part, metrics);
      if (ending.type === 'succeeded' && receipt !== 'stale') {
        metrics.observeJob((ageMs + Date.now() - claimedAtMs) / 1_000);
      }
      attemptLogger.info({ completion: receipt, ...logFieldsOf(ending, part) }, 'job attempt ended');
    },
  };
}

function observePart(part: GeneratedPart, metrics: WorkerMetrics): void {
  metrics.countTokens(part.usage);
  metrics.observeGeneration(part.generationMs / 1_000);
  if (part.timeToFirstTokenMs !== null) metrics.observeFirstToken(part.timeToFirstTokenMs / 1_000);
}

function logFieldsOf(ending: AttemptEnding, part: GeneratedPart | null): Record<string, unknown> {
  return {
    outcome: ending.type,
    ...('error' in ending ? { code: ending.error.code, reason: ending.error.message } : {}),
    ...(part === null ? {} : { ...part.usage, generationMs: Math.round(part.generationMs) }),
  };
}

/** The names follow OpenTelemetry's conventions for generative models. */
function attributesOf(ending: AttemptEnding, model: string | undefined): Span['attributes'] {
  const part = partOf(ending);
  return {
    'prosemill.outcome': ending.type,
    ...(model === undefined ? {} : { 'gen_ai.request.model': model }),
    ...(part === null
      ? {}
      : {
          'gen_ai.usage.input_tokens': part.usage.promptTokens,
          'gen_ai.usage.output_tokens': part.usage.completionTokens,
        }),
  };
}

function partOf(ending: AttemptEnding): GeneratedPart | null {
  if (ending.type === 'succeeded') return ending.result;
  return 'partial' in ending ? ending.partial : null;
}
