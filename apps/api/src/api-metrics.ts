/** The metrics of the API. */
import { openDeliveryStates, workerStates } from '@prosemill/core';
import { durationBuckets, type Metrics } from '@prosemill/telemetry';
import type { JobFeed } from './services/job-feed.ts';
import type { ServiceState } from './services/service-state.ts';

const ratioBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2, 5] as const;

export type ApiMetrics = ReturnType<typeof createApiMetrics>;

/** The types of the events of streams; `data`: an event without one. */
const streamEventTypes = ['status', 'token', 'reset', 'completed', 'error', 'jobs', 'machine', 'data'] as const;
type StreamEventType = (typeof streamEventTypes)[number];

export interface ApiMetricSources {
  readonly feed: JobFeed;
  readonly state: ServiceState;
  /** The number of open streams. */
  readonly countStreams: () => number;
  /** Attempts at webhooks under way. */
  readonly countWebhooks: () => number;
}

/** Registers the metrics; called once in a process. */
export function createApiMetrics(metrics: Metrics, { feed, state, countStreams, countWebhooks }: ApiMetricSources) {
  metrics.gauge(
    { name: 'prosemill_waiters', help: 'Requests that wait for a job or stream it in this process.' },
    () => feed.count,
  );
  metrics.gauge({ name: 'prosemill_streams', help: 'Open streams of this process.' }, countStreams);
  metrics.gauge(
    { name: 'prosemill_webhooks_under_way', help: 'Attempts at webhooks that this process waits for.' },
    countWebhooks,
  );
  addQueueMetrics(metrics, state);
  metrics.gauges(
    { name: 'prosemill_workers', help: 'Workers that report to the database, by their state.', labels: ['state'] },
    () => {
      const { queue, workers } = state.latest;
      if (queue === null) return [];
      return workerStates.map((name) => ({
        labels: { state: name },
        value: workers.filter((worker) => worker.state === name).length,
      }));
    },
  );
  return {
    countAccepted: metrics.counter({ name: 'prosemill_jobs_accepted_total', help: 'Jobs committed by this process.' }),
    countRefused: metrics.counter({
      name: 'prosemill_jobs_refused_total',
      help: 'Requests refused by this process because the queue was full.',
    }),
    countStreamEvent: metrics.counters<'type', StreamEventType>({
      name: 'prosemill_stream_events_total',
      help: 'Events that this process has sent in streams.',
      label: 'type',
      values: streamEventTypes,
    }),
    countTextRead: metrics.counter({
      name: 'prosemill_text_reads_total',
      help: 'Reads of texts from the database for open streams, each for all of them.',
    }),
    countWebhookAttempt: metrics.counters<'result', 'delivered' | 'failed'>({
      name: 'prosemill_webhook_attempts_total',
      help: 'Attempts at webhooks of this process that have ended.',
      label: 'result',
      values: ['delivered', 'failed'],
    }),
    countUnread: metrics.counter({
      name: 'prosemill_unread_answers_total',
      help: 'Connections that this process has cut because their clients did not read.',
    }),
    observeEstimateError: metrics.histogram({
      name: 'prosemill_estimate_error_ratio',
      help: 'Error of the estimated end in answers to submits, as a share of the time from the submit to the end.',
      buckets: ratioBuckets,
    }),
    observeRequest: metrics.histograms({
      name: 'prosemill_http_request_duration_seconds',
      help: 'From a request to its answer, the wait for a job included; for a stream to its end.',
      labels: ['method', 'route', 'status_class'],
      buckets: durationBuckets,
    }),
  };
}

/** The metrics of the whole service, equal in each API process. They have no series while the database is away. */
function addQueueMetrics(metrics: Metrics, state: ServiceState): void {
  metrics.gauges(
    {
      name: 'prosemill_open_jobs',
      help: 'Jobs of all owners that wait for a worker or run, by class (0: a caller waits).',
      labels: ['status', 'class'],
    },
    () => {
      const { queue } = state.latest;
      if (queue === null) return [];
      const byStatus = { queued: queue.queuedByClass, running: queue.runningByClass };
      return (['queued', 'running'] as const).flatMap((status) =>
        ([0, 1, 2] as const).map((priorityClass) => ({
          labels: { status, class: String(priorityClass) },
          value: byStatus[status].get(priorityClass) ?? 0,
        })),
      );
    },
  );
  metrics.gauge(
    {
      name: 'prosemill_oldest_queued_job_age_seconds',
      help: 'Since the submit of the job that has been queued for longest; 0 when none is.',
    },
    () => (state.latest.queue === null ? Number.NaN : (state.latest.queue.oldestQueuedMs ?? 0) / 1_000),
  );
  metrics.gauges(
    {
      name: 'prosemill_open_webhooks',
      help: 'Messages to webhooks of all owners that wait for a first attempt or a retry; at most 10,000 are counted.',
      labels: ['state'],
    },
    () => {
      const { deliveries } = state.latest;
      if (deliveries === null) return [];
      return openDeliveryStates.map((name) => ({ labels: { state: name }, value: deliveries[name] }));
    },
  );
  metrics.gauge({ name: 'prosemill_queue_paused', help: '1 while no worker may begin a job, else 0.' }, () => {
    const { isPaused } = state.latest;
    return isPaused === null ? Number.NaN : Number(isPaused);
  });
}
