/** The Job as clients see it. Every key is always there; an unknown value is null. */
import { z } from '@hono/zod-openapi';
import { finishReasons, jobStatuses, webhookEvents } from '@prosemill/core';
import { time } from './text.ts';

/** For named schemas: `nullable()` writes `allOf` with the name into /openapi.json, and null never matches that. */
export const orNull = <Schema extends z.ZodType>(schema: Schema) => z.union([schema, z.null()]);

export const usageSchema = z
  .strictObject({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() })
  .openapi('Usage');

export const modelSchema = z
  .strictObject({
    name: z.string(),
    revision: z.string(),
    engine: z.string(),
    dtype: z.string(),
    fingerprint: z.string().openapi({ description: 'Changes whenever the same seed might give another text.' }),
  })
  .openapi('Model');

const milliseconds = z.number().min(0).nullable();

export const timingsSchema = z
  .strictObject({
    queue_ms: milliseconds,
    time_to_first_token_ms: milliseconds,
    generation_ms: milliseconds,
    total_ms: milliseconds,
    tokens_per_second: z.number().min(0).nullable(),
  })
  .openapi('Timings');

export const parametersSchema = z.strictObject({
  max_length: z.int().nullable(),
  max_new_tokens: z.int().nullable(),
  temperature: z.number(),
  top_k: z.int(),
  top_p: z.number(),
  repetition_penalty: z.number(),
  stop: z.array(z.string()),
});

export const jobSchema = z
  .strictObject({
    id: z.uuid(),
    object: z.literal('job'),
    status: z.enum(jobStatuses),
    prompt: z.string(),
    parameters: parametersSchema,
    model: orNull(modelSchema),
    output: z
      .strictObject({
        generated_text: z.string().openapi({ description: 'The prompt, followed by the completion.' }),
        completion: z.string(),
        finish_reason: z.enum(finishReasons),
        generation_id: z.int().nullable().openapi({
          description: 'The id in /history; null for partial text, and for the text of a verification.',
        }),
        sha256: z.string().openapi({ description: 'SHA-256 of generated_text in UTF-8, hexadecimal.' }),
      })
      .nullable(),
    error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
    usage: orNull(usageSchema),
    tokens_written: z.int().nullable().openapi({
      description:
        'New tokens of a running job so far. Null until its worker has reported them, which it does only while somebody looks at a list of jobs or at the machine.',
    }),
    timings: timingsSchema,
    queue: z
      .strictObject({
        position: z.int().min(0).openapi({ description: 'Jobs ahead; exact below 1,000, above that rounded.' }),
        estimated_start_at: time.nullable(),
        estimated_finish_at: time.nullable(),
      })
      .nullable()
      .openapi({
        description:
          'Null unless the job is queued, and when its place is not known at once. The estimates are also null while the queue is paused, and while no ready worker has measured its speed.',
      }),
    seed: z.int(),
    attempt: z.int(),
    max_attempts: z.int(),
    cancel_requested_at: time.nullable(),
    retry_of: z.uuid().nullable().openapi({ description: 'The job that this one repeats.' }),
    verify_of: z.uuid().nullable().openapi({ description: 'The job whose text this one verifies.' }),
    batch_id: z.uuid().nullable().openapi({ description: 'The batch that the job belongs to.' }),
    custom_id: z.string().nullable().openapi({ description: "The client's name for the job in its batch." }),
    metadata: z.record(z.string(), z.string()),
    webhook_url: z.string().nullable(),
    webhook_events: z.array(z.enum(webhookEvents)).nullable().openapi({ description: 'Null without a webhook_url.' }),
    urls: z.strictObject({
      self: z.string(),
      cancel: z.string(),
      retry: z.string(),
      verify: z.string(),
      stream: z.string(),
      events: z.string(),
      deliveries: z.string(),
    }),
    created_at: time,
    started_at: time.nullable(),
    finished_at: time.nullable(),
    expires_at: time.nullable().openapi({
      description:
        'When the job is deleted by itself, up to a few seconds later: with store false 60 s after its end, else as long after it as the service keeps jobs. Null before the end, and without such a limit.',
    }),
  })
  .openapi('Job');

export type JobBody = z.infer<typeof jobSchema>;

/** The answer to a dry run. */
export const dryRunSchema = z
  .strictObject({
    valid: z.literal(true),
    prompt_tokens: z.int().nullable().openapi({ description: 'Null until a worker has loaded the model.' }),
    estimated_start_at: time.nullable().openapi({ description: 'Null while the speed of the workers is not known.' }),
  })
  .openapi('DryRun');

export type DryRunBody = z.infer<typeof dryRunSchema>;
