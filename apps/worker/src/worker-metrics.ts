/** The metrics of a worker. */
import type { AttemptEnding, EngineStep, TokenUsage } from '@prosemill/core';
import { durationBuckets, type Metrics } from '@prosemill/telemetry';

const outcomes = [
  'succeeded',
  'failed',
  'retried',
  'canceled',
  'crashed',
  'released',
  'lost',
] as const satisfies AttemptEnding['type'][];

export type WorkerMetrics = ReturnType<typeof createWorkerMetrics>;

/** Seconds of one step. */
const stepBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
/** Texts in one step. */
const rowBuckets = [1, 2, 4, 8, 16, 32, 64, 128, 256];

export interface WorkerGauges {
  readonly running: { readonly count: number };
  readonly generator: { readonly slots: number };
}

/** Registers the metrics; called once in a process. */
export function createWorkerMetrics(metrics: Metrics, { running, generator }: WorkerGauges) {
  metrics.gauge({ name: 'prosemill_running_jobs', help: 'Jobs that this worker runs.' }, () => running.count);
  metrics.gauge(
    { name: 'prosemill_engine_slots', help: 'Texts that the engine of this worker can generate at once.' },
    () => generator.slots,
  );
  return { ...addCounters(metrics), ...addDurations(metrics), observeSteps: addStepMetrics(metrics) };
}

function addCounters(metrics: Metrics) {
  const countTokens = metrics.counters({
    name: 'prosemill_tokens_total',
    help: 'Tokens of attempts that ended in this process: of their prompts, and generated.',
    label: 'type',
    values: ['prompt', 'completion'],
  });
  return {
    countStarted: metrics.counter({ name: 'prosemill_jobs_started_total', help: 'Attempts at jobs started here.' }),
    countEnded: metrics.counters({
      name: 'prosemill_attempts_ended_total',
      help: 'Attempts at jobs that ended in this process, by outcome.',
      label: 'outcome',
      values: outcomes,
    }),
    countTokens({ promptTokens, completionTokens }: TokenUsage) {
      countTokens('prompt', promptTokens);
      countTokens('completion', completionTokens);
    },
    countStale: metrics.counter({
      name: 'prosemill_stale_completions_total',
      help: 'Attempts whose outcome was dropped because another attempt held the job.',
    }),
    countCrashed: metrics.counter({
      name: 'prosemill_crashes_total',
      help: 'Attempts that ended because the process of the engine died.',
    }),
    countTextAppend: metrics.counter({
      name: 'prosemill_text_appends_total',
      help: 'Statements that appended the new texts of all watched jobs of this worker.',
    }),
    countRescued: metrics.counter({
      name: 'prosemill_rescues_total',
      help: 'Jobs that this process took from workers whose lease had run out.',
    }),
    countMissingHints: metrics.counter({
      name: 'prosemill_missing_hints_total',
      help: 'Hints that this process found missing in Redis, and sent; some of the missing ones were under way.',
    }),
  };
}

function addDurations(metrics: Metrics) {
  const durationOf = (name: string, help: string) => metrics.histogram({ name, help, buckets: durationBuckets });
  return {
    observeQueueWait: metrics.histograms({
      name: 'prosemill_queue_wait_seconds',
      help: 'Time from the moment at which a job became claimable to its claim, by class (0: a caller waits).',
      labels: ['class'],
      buckets: durationBuckets,
    }),
    observeFirstToken: durationOf(
      'prosemill_time_to_first_token_seconds',
      'Time from the start of an attempt in the engine to its first token.',
    ),
    observeGeneration: durationOf(
      'prosemill_generation_seconds',
      'Time from the start of an attempt in the engine to the end of its text.',
    ),
    observeJob: durationOf(
      'prosemill_job_duration_seconds',
      'Time from the submit of a job that succeeded to its end.',
    ),
  };
}

function addStepMetrics(metrics: Metrics) {
  const observeDuration = metrics.histogram({
    name: 'prosemill_engine_step_seconds',
    help: 'One run of the model.',
    buckets: stepBuckets,
  });
  const observeRows = metrics.histogram({
    name: 'prosemill_engine_step_rows',
    help: 'Texts in one run of the model.',
    buckets: rowBuckets,
  });
  return (steps: readonly EngineStep[]): void => {
    for (const { rows, durationMs } of steps) {
      observeDuration(durationMs / 1_000);
      observeRows(rows);
    }
  };
}
