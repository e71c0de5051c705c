/** What a worker counts. */
import type { Metrics } from '@prosemill/telemetry';

type Count = (count?: number) => void;

export interface WorkerMetrics {
  readonly countStarted: Count;
  readonly countStale: Count;
  readonly countCrashed: Count;
  readonly countRescued: Count;
}

/** Registers them; once a process. @param running  Jobs in this worker's hands. */
export function createWorkerMetrics(metrics: Metrics, running: { readonly count: number }): WorkerMetrics {
  metrics.gauge({ name: 'prosemill_running_jobs', help: 'Jobs in the hands of this worker.' }, () => running.count);
  return {
    countStarted: metrics.counter({ name: 'prosemill_jobs_started_total', help: 'Attempts at jobs started here.' }),
    countStale: metrics.counter({
      name: 'prosemill_stale_completions_total',
      help: "Attempts whose job was somebody else's when they ended: their outcome was dropped.",
    }),
    countCrashed: metrics.counter({
      name: 'prosemill_crashes_total',
      help: 'Attempts that ended because the process of the engine died.',
    }),
    countRescued: metrics.counter({
      name: 'prosemill_rescues_total',
      help: 'Jobs that this process took from workers whose lease had run out.',
    }),
  };
}
