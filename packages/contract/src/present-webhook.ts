/** Messages to receivers, and their deliveries as clients see them. */
import type {
  DeliveryAttempt,
  DeliverySummary,
  Job,
  LoggedDelivery,
  WebhookEvent,
  WebhookSecrets,
} from '@prosemill/core';
import { noEstimate } from '@prosemill/core';
import { presentJob } from './present-job.ts';
import type { DeliveryBody, DeliverySummaryBody, SecretsBody } from './webhook.ts';

/** A message in the form of the Standard Webhooks specification. */
export interface WebhookMessage {
  readonly type: WebhookEvent | 'webhook.test';
  /** The time of the event. */
  readonly timestamp: string;
  readonly data: object;
}

/** The event of a job with the job as it is now. */
export const presentEvent = (job: Job, event: WebhookEvent, basePath: string): WebhookMessage => ({
  type: event,
  timestamp: (job.finishedAt ?? job.createdAt).toISOString(),
  data: presentJob(job, { estimate: noEstimate, basePath }),
});

/** The event of a job whose content was deleted. */
export const presentPurgedEvent = (
  { jobId, createdAt }: Pick<LoggedDelivery, 'jobId' | 'createdAt'>,
  event: WebhookEvent,
): WebhookMessage => ({
  type: event,
  timestamp: createdAt.toISOString(),
  data: { id: jobId, object: 'job', status: event.slice('job.'.length), deleted: true },
});

const presentAttempt = (entry: DeliveryAttempt) => ({
  attempt: entry.attempt,
  at: entry.at.toISOString(),
  duration_ms: entry.durationMs,
  status_code: entry.statusCode,
  error: entry.error,
});

export const presentDelivery = (delivery: LoggedDelivery): DeliveryBody => ({
  id: delivery.id,
  object: 'delivery',
  job_id: delivery.jobId,
  event: delivery.event,
  url: delivery.url,
  state: delivery.state,
  attempts: delivery.attempts,
  log: delivery.log.map((entry) => Object.assign(presentAttempt(entry), { location: entry.location })),
  created_at: delivery.createdAt.toISOString(),
  next_attempt_at: delivery.nextAttemptAt?.toISOString() ?? null,
  delivered_at: delivery.deliveredAt?.toISOString() ?? null,
});

export const presentDeliverySummary = (delivery: DeliverySummary): DeliverySummaryBody => ({
  id: delivery.id,
  object: 'delivery',
  job_id: delivery.jobId,
  owner: delivery.ownerId,
  event: delivery.event,
  host: delivery.host,
  state: delivery.state,
  attempts: delivery.attempts,
  last: delivery.last && presentAttempt(delivery.last),
  created_at: delivery.createdAt.toISOString(),
  next_attempt_at: delivery.nextAttemptAt?.toISOString() ?? null,
  delivered_at: delivery.deliveredAt?.toISOString() ?? null,
});

export const presentSecrets = ({ secrets, createdAt, previousUntil }: WebhookSecrets): SecretsBody => ({
  secret: secrets[0],
  created_at: createdAt.toISOString(),
  previous: secrets[1] ?? null,
  previous_until: previousUntil?.toISOString() ?? null,
});
