/** Webhooks: messages about the end of a job, to the URL that its submit named. */
import type { EndedStatus } from './job.ts';

export const webhookEvents = ['job.succeeded', 'job.failed', 'job.canceled', 'job.expired'] as const;
export type WebhookEvent = (typeof webhookEvents)[number];

/** The event of a transition to this status. */
export const webhookEventOf = (status: EndedStatus): WebhookEvent => `job.${status}`;

/** The receiver that a submit names. */
export interface Webhook {
  /** An http or https URL without credentials. */
  readonly url: string;
  /** At least one; in the order of {@link webhookEvents}. */
  readonly events: readonly WebhookEvent[];
}

/**
 * - `pending`: no attempt has ended yet.
 * - `failing`: the last attempt failed, and another one follows.
 * - `delivered`: the receiver has answered with 2xx. Left only by a redelivery.
 * - `failed`: given up, after the last attempt or because the receiver is gone (410). Left only by a redelivery.
 */
export const deliveryStates = ['pending', 'failing', 'delivered', 'failed'] as const;
export type DeliveryState = (typeof deliveryStates)[number];

/** Deliveries with an attempt under way or ahead. */
export const openDeliveryStates = ['pending', 'failing'] as const satisfies readonly DeliveryState[];
export type OpenDeliveries = Readonly<Record<(typeof openDeliveryStates)[number], number>>;
/** The highest count of one state: the messages to a receiver that is dead may be any number. */
export const maxCountedDeliveries = 10_000;

/**
 * The reasons for a failed attempt.
 * - `address_refused`: the host has an address that is not public.
 * - `dns_failed`: the host has no address, or no name server told it in time.
 * - `connection_failed`: no connection, or it broke before an answer; with https also a bad certificate.
 * - `timed_out`: no answer within the time limit.
 * - `redirected`: a 3xx, which is not followed.
 * - `gone`: a 410: no further attempt follows.
 * - `bad_status`: any other status but 2xx.
 */
export const deliveryErrors = [
  'address_refused',
  'dns_failed',
  'connection_failed',
  'timed_out',
  'redirected',
  'gone',
  'bad_status',
] as const;
export type DeliveryError = (typeof deliveryErrors)[number];

/** The end of an attempt at a delivery. */
export interface DeliveryOutcome {
  /** Null: the receiver has accepted it. */
  readonly error: DeliveryError | null;
  /** Null without an answer. */
  readonly statusCode: number | null;
  /** The `Location` of a redirect, at most {@link maxWebhookUrlLength} characters of it; null without one. */
  readonly location: string | null;
  /** The pause that a receiver without time asks for; null: none. Not in the log. */
  readonly retryAfterMs: number | null;
  readonly durationMs: number;
}

/** An attempt that has ended. One whose process died leaves none. */
export interface DeliveryAttempt extends Omit<DeliveryOutcome, 'retryAfterMs'> {
  /** Starts at 1, and counts attempts that left no entry too. */
  readonly attempt: number;
  readonly at: Date;
}

/** One event of one job, on its way to one receiver. It has no text. */
export interface Delivery {
  /** UUID v7; the `webhook-id` of every attempt. */
  readonly id: string;
  readonly ownerId: string;
  readonly jobId: string;
  readonly event: WebhookEvent;
  readonly url: string;
  readonly state: DeliveryState;
  /** Attempts so far, those under way included. */
  readonly attempts: number;
  readonly createdAt: Date;
  /** Null when none follows. While an attempt is under way: the time at which another process would take over. */
  readonly nextAttemptAt: Date | null;
  readonly deliveredAt: Date | null;
}

/** Code points of a URL of a webhook. */
export const maxWebhookUrlLength = 2_048;

/** After a rotation the previous secret signs too, for this long. */
export const secretOverlapMs = 24 * 60 * 60 * 1_000;

const [second, minute, hour] = [1_000, 60_000, 3_600_000];

/** The pauses after failures, by the example of the Standard Webhooks specification, to about a day in all. */
const retryDelaysMs = [5 * second, 5 * minute, 30 * minute, 2 * hour, 5 * hour, 10 * hour, 6 * hour] as const;

/** A random share of a pause, ±, so that a receiver that comes back does not get all deliveries at once. */
const jitter = 0.1;

/**
 * @param failures  The failed attempts so far, at least 1.
 * @param retryAfterMs  The pause that the receiver asks for; null: none. It counts if it is longer than that of the
 *   schedule, and up to the longest one there.
 * @returns the pause until the next attempt; null when none follows
 */
export function deliveryRetryMs(
  failures: number,
  retryAfterMs: number | null = null,
  random = Math.random(),
): number | null {
  const delayMs = retryDelaysMs[failures - 1];
  if (delayMs === undefined) return null;
  const askedMs = Math.min(retryAfterMs ?? 0, Math.max(...retryDelaysMs));
  return Math.round(Math.max(delayMs * (1 + jitter * (2 * random - 1)), askedMs * (1 + jitter * random)));
}
