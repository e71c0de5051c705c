/** Webhooks: the fields of a submit, and deliveries as clients see them. */
import { z } from '@hono/zod-openapi';
import {
  deliveryErrors,
  deliveryStates,
  maxWebhookUrlLength,
  type Webhook,
  type WebhookEvent,
  webhookEvents,
} from '@prosemill/core';
import { optional } from './optional.ts';
import { text, time } from './text.ts';

function isReceiver(url: string): boolean {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) return false;
  const { username, password } = new URL(url);
  return username === '' && password === '';
}

export const webhookUrlSchema = text(maxWebhookUrlLength)
  .refine(isReceiver, { error: 'must be an http or https URL without user name and password' })
  .openapi({
    format: 'uri',
    pattern: String.raw`^[Hh][Tt][Tt][Pp][Ss]?://[^\u0000]+$`,
    description: 'Gets a message when the job has ended. Private addresses are refused when the message is sent.',
    example: 'https://hooks.example/prosemill',
  });

/** The fields of a submit. {@link toWebhook} joins them. */
export const webhookFields = {
  webhook_url: optional(webhookUrlSchema).openapi({ type: ['string', 'null'] }),
  webhook_events: optional(
    z
      .array(z.enum(webhookEvents))
      .min(1)
      .max(webhookEvents.length)
      .openapi({ description: 'The ends that the receiver hears of. Default: all of them.' }),
  ),
};

interface WebhookBody {
  readonly webhook_url?: string | undefined;
  readonly webhook_events?: readonly WebhookEvent[] | undefined;
}

/** Adds an issue for events without a receiver. */
export function requireReceiver(
  { webhook_url: url, webhook_events: events }: WebhookBody,
  context: { addIssue(issue: { code: 'custom'; path: string[]; message: string }): void },
): void {
  if (url !== undefined || events === undefined) return;
  context.addIssue({ code: 'custom', path: ['webhook_events'], message: 'needs a webhook_url' });
}

/** Without a list of events the receiver hears of all. */
export function toWebhook({ webhook_url: url, webhook_events: wanted }: WebhookBody): Webhook | null {
  if (url === undefined) return null;
  return { url, events: webhookEvents.filter((event) => wanted === undefined || wanted.includes(event)) };
}

const attemptSchema = z
  .strictObject({
    attempt: z.int().min(1),
    at: time,
    duration_ms: z.number().min(0),
    status_code: z.int().nullable().openapi({ description: 'Of the answer; null without one.' }),
    error: z.enum(deliveryErrors).nullable().openapi({ description: 'Null: accepted.' }),
    location: z.string().nullable().openapi({ description: 'Of a redirect, which is not followed.' }),
  })
  .openapi('DeliveryAttempt');

export const deliverySchema = z
  .strictObject({
    id: z.uuid().openapi({ description: 'The webhook-id of each attempt.' }),
    object: z.literal('delivery'),
    job_id: z.uuid(),
    event: z.enum(webhookEvents),
    url: z.string(),
    state: z.enum(deliveryStates),
    attempts: z.int().min(0).openapi({ description: 'Begun so far.' }),
    log: z.array(attemptSchema).openapi({ description: 'The last attempts that have ended, oldest first.' }),
    created_at: time,
    next_attempt_at: time.nullable(),
    delivered_at: time.nullable(),
  })
  .openapi('Delivery');

export type DeliveryBody = z.infer<typeof deliverySchema>;

/** Without the URL, whose path may be a secret of the owner. */
export const deliverySummarySchema = z
  .strictObject({
    id: z.uuid(),
    object: z.literal('delivery'),
    job_id: z.uuid(),
    owner: z.string(),
    event: z.enum(webhookEvents),
    host: z.string(),
    state: z.enum(deliveryStates),
    attempts: z.int().min(0),
    last: z.union([attemptSchema.omit({ location: true }), z.null()]),
    created_at: time,
    next_attempt_at: time.nullable(),
    delivered_at: time.nullable(),
  })
  .openapi('DeliverySummary');

export type DeliverySummaryBody = z.infer<typeof deliverySummarySchema>;

export const secretsSchema = z
  .strictObject({
    secret: z.string().openapi({ example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }),
    created_at: time,
    previous: z.string().nullable().openapi({ description: 'Signs too, until previous_until.' }),
    previous_until: time.nullable(),
  })
  .openapi('WebhookSecrets');

export type SecretsBody = z.infer<typeof secretsSchema>;

export const webhookTestSchema = z
  .strictObject({ url: webhookUrlSchema })
  .openapi('WebhookTest', { example: { url: 'https://hooks.example/prosemill' } });

export const webhookTestResultSchema = z
  .strictObject({
    id: z.uuid().openapi({ description: 'The webhook-id of the message.' }),
    delivered: z.boolean(),
    ...attemptSchema.omit({ attempt: true, at: true }).shape,
  })
  .openapi('WebhookTestResult');
