/** The headers of the routes. */
import { z } from '@hono/zod-openapi';

const string = { schema: { type: 'string' as const } };
const always = { required: true };

const responseHeaders = {
  location: { Location: { ...string, ...always, description: 'The path of the job.' } },
  batchLocation: { Location: { ...string, ...always, description: 'The path of the batch.' } },
  streamedJob: {
    Location: { ...string, description: 'The path of the job; always there with a stream.' },
    'x-job-id': { ...string, description: 'The id of the job; always there with a stream.' },
  },
  retryAfter: {
    'Retry-After': {
      schema: { type: 'integer' as const, minimum: 1, maximum: 30 },
      description: 'Seconds to the estimated end, when it makes sense to ask again. Absent after the end.',
    },
    'openai-poll-after-ms': {
      schema: { type: 'integer' as const, minimum: 250, maximum: 30_000 },
      description: 'The same in milliseconds.',
    },
  },
  idempotentReplayed: {
    'Idempotent-Replayed': {
      schema: { type: 'string' as const, enum: ['true'] },
      description: 'Present if this is the job or batch of an earlier request with the same Idempotency-Key.',
    },
  },
  etag: {
    ETag: { ...string, ...always, description: 'Weak; changes with the job, or with a job of the page or batch.' },
  },
  link: { Link: { ...string, description: 'rel="next": the next page, if there is one (RFC 8288).' } },
  preferenceApplied: { 'Preference-Applied': { ...string, description: 'The preference that was obeyed (RFC 7240).' } },
  rateLimit: {
    'RateLimit-Policy': {
      ...string,
      description: 'How many requests of this kind (q) the key may send in how many seconds (w); absent without keys.',
      example: '"submit";q=600;w=60',
    },
    RateLimit: {
      ...string,
      description: 'The number of requests left (r), and the seconds until all are available again (t).',
      example: '"submit";r=599;t=1',
    },
  },
  jobId: { 'x-job-id': { ...string, ...always, description: 'The id of the job; with several, of the first.' } },
  failedJobId: {
    'x-job-id': {
      ...string,
      description: 'The id of the job that ended with this error, else of the first; absent if no job was stored.',
    },
  },
  serverTiming: {
    'Server-Timing': {
      ...string,
      description: 'After a wait: the times in the queue, in the engine, and of the wait itself, milliseconds.',
    },
  },
};

/** The headers of an answer: the given ones, and those of the rate limit. */
export const headersOf = (...names: readonly (keyof typeof responseHeaders)[]) =>
  Object.fromEntries([...names, 'rateLimit' as const].flatMap((name) => Object.entries(responseHeaders[name])));

export const idempotencyKeyHeader = z.object({
  'idempotency-key': z
    .string()
    .regex(/^[!-~]{1,255}$/, { error: 'must be 1 to 255 visible ASCII characters' })
    .optional()
    .openapi({
      description:
        'Makes the request safe to repeat: for 24 hours the same key with the same body is the same job, unless that failed, expired or was deleted.',
    }),
});

export const traceparentHeader = z.object({
  traceparent: z.string().optional().openapi({
    description: 'W3C Trace Context: the job belongs to this trace. One that is not valid is ignored.',
    example: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  }),
});

export const preferHeader = z.object({
  prefer: z.string().optional().openapi({
    description:
      'wait=n: how many seconds to wait, 1 to 60, default 30. respond-async: do not wait. Anything else is ignored.',
    example: 'wait=10',
  }),
});

export const ifNoneMatchHeader = z.object({
  'if-none-match': z
    .string()
    .optional()
    .openapi({ description: 'The ETag of an earlier answer: 304 while it is unchanged.' }),
});
