/** What the API counts. */
import type { Metrics } from '@prosemill/telemetry';
import type { JobWaiter } from './services/job-waiter.ts';
import type { ServiceState } from './services/service-state.ts';

export interface ApiMetrics {
  readonly countAccepted: () => void;
  readonly countRefused: () => void;
}

export interface ApiGauges {
  readonly waiter: Pick<JobWaiter, 'count'>;
  readonly state: Pick<ServiceState, 'queued'>;
}

/** Registers them; once a process. */
export function createApiMetrics(metrics: Metrics, { waiter, state }: ApiGauges): ApiMetrics {
  metrics.gauge(
    { name: 'prosemill_waiters', help: 'Requests that wait for a job in this process.' },
    () => waiter.count,
  );
  metrics.gauge(
    { name: 'prosemill_queued_jobs', help: 'Jobs of all owners that wait for a worker.' },
    () => state.queued,
  );
  return {
    countAccepted: metrics.counter({ name: 'prosemill_jobs_accepted_total', help: 'Jobs committed by this process.' }),
    countRefused: metrics.counter({
      name: 'prosemill_jobs_refused_total',
      help: 'Requests refused by this process because the queue was full.',
    }),
  };
}
