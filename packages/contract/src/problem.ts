/** The error body in the format of RFC 9457, and the HTTP status of each error code. */
import { z } from '@hono/zod-openapi';
import type { ErrorCode } from '@prosemill/core';
import { timingsSchema } from './job.ts';
import { headersOf } from './routes/headers.ts';

interface ProblemRow {
  readonly status:
    | 400
    | 401
    | 403
    | 404
    | 405
    | 408
    | 409
    | 410
    | 413
    | 415
    | 417
    | 421
    | 422
    | 429
    | 431
    | 500
    | 503
    | 504;
  readonly title: string;
}

/** The HTTP status and title of each error code. A test compares them with docs/errors.md. */
export const problemTable = {
  malformed_request: { status: 400, title: 'The request is not HTTP' },
  invalid_json: { status: 400, title: 'The body is not JSON' },
  invalid_header: { status: 400, title: 'A header is not valid' },
  prompt_refused: { status: 400, title: 'The prompt was refused' },
  unauthorized: { status: 401, title: 'A valid API key is needed' },
  forbidden: { status: 403, title: 'Not allowed' },
  not_found: { status: 404, title: 'Not found' },
  model_not_found: { status: 404, title: 'The model is not served' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  request_timeout: { status: 408, title: 'The request took too long' },
  job_canceled: { status: 409, title: 'The job was canceled' },
  job_not_finished: { status: 409, title: 'The job has not ended yet' },
  not_verifiable: { status: 409, title: 'The text cannot be verified' },
  gone: { status: 410, title: 'The job was deleted' },
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  expectation_failed: { status: 417, title: 'The expectation cannot be met' },
  misdirected_request: { status: 421, title: 'The host is not this service' },
  invalid_request: { status: 422, title: 'The request is not valid' },
  context_length_exceeded: { status: 422, title: 'The prompt leaves no room for text' },
  idempotency_key_reused: { status: 422, title: 'The idempotency key was used for another request' },
  rate_limited: { status: 429, title: 'Too many requests' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  generation_failed: { status: 500, title: 'The generation failed' },
  worker_lost: { status: 500, title: 'The worker was lost' },
  internal: { status: 500, title: 'Internal error' },
  queue_full: { status: 503, title: 'The queue is full' },
  deadline_unmeetable: { status: 503, title: 'The deadline cannot be met' },
  database_unavailable: { status: 503, title: 'The database is not available' },
  engine_unavailable: { status: 503, title: 'The engine is not available' },
  shutting_down: { status: 503, title: 'The service is shutting down' },
  deadline_exceeded: { status: 504, title: 'The deadline passed' },
} as const satisfies Record<ErrorCode, ProblemRow>;

/** A URN: no public site documents the errors of every installation. */
export const problemType = (code: ErrorCode): string => `urn:prosemill:error:${code}`;

export const problemMediaType = 'application/problem+json';

/** @see RFC 9457 */
export const problemSchema = z
  .strictObject({
    type: z.string().openapi({ example: 'urn:prosemill:error:invalid_request' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().openapi({ description: 'The path of the request.' }),
    request_id: z.string().openapi({ description: 'Also in the X-Request-Id header and in the logs.' }),
    code: z.enum(Object.keys(problemTable) as [ErrorCode, ...ErrorCode[]]),
    errors: z
      .array(z.strictObject({ pointer: z.string(), detail: z.string(), code: z.string() }))
      .openapi({ description: 'One entry for each value that is wrong; the pointer is a JSON pointer (RFC 6901).' }),
    job_id: z.string().optional().openapi({ description: 'The job that ended like this, if one was stored.' }),
    timings: timingsSchema.optional().openapi({ description: 'The times of that job.' }),
    prompt_tokens: z.int().optional().openapi({
      description: 'With context_length_exceeded: tokens of the prompt; of a prompt that is much too long, at least.',
    }),
    limit: z.int().optional().openapi({ description: 'With context_length_exceeded: tokens allowed in all.' }),
  })
  .openapi('Problem');

export type Problem = z.infer<typeof problemSchema>;

const declaredHeaders = {
  'X-Request-Id': { required: true, schema: { type: 'string' as const } },
  'x-should-retry': {
    required: true,
    schema: { type: 'string' as const, enum: ['true', 'false'] },
    description: 'Whether the same request may succeed later.',
  },
  'retry-after-ms': header('integer', 'How long to wait before a retry; 0 if it makes no sense.'),
};
const challengeHeader = { 'WWW-Authenticate': header('string', 'Asks for a bearer token (RFC 6750).') };
const retryAfterHeader = { 'Retry-After': header('integer', 'Seconds.') };

function header(type: 'string' | 'integer', description: string) {
  return { required: true, schema: { type }, description };
}

/** The statuses whose answers have `Retry-After`, in whole seconds, which every HTTP client understands. */
export const statusesWithRetryAfter: ReadonlySet<number> = new Set([429, 503]);

/** Declares the responses of a route for these error codes; codes with the same status share one response. */
export const problemResponses = <Code extends ErrorCode>(...codes: readonly Code[]) =>
  declareErrors(codes, {
    statusOf: (code) => problemTable[code].status,
    contentOf: () => ({ [problemMediaType]: { schema: problemSchema } }),
  }) as unknown as Record<(typeof problemTable)[Code]['status'], ProblemResponse>;

interface ProblemResponse {
  description: string;
  content: { 'application/problem+json': { schema: typeof problemSchema } };
}

const varyHeader = { Vary: { schema: { type: 'string' as const }, description: 'Accept.' } };

export const pageContent = { 'text/html': { schema: z.string() } };

/** The responses of a route with `isPage`: a client that prefers HTML gets each as a page. */
export const withPages = <Responses extends Readonly<Record<number, ProblemResponse & { headers?: object }>>>(
  responses: Responses,
) =>
  Object.fromEntries(
    Object.entries(responses).map(([status, { headers, content, ...response }]) => [
      status,
      { ...response, headers: { ...headers, ...varyHeader }, content: { ...content, ...pageContent } },
    ]),
  ) as unknown as Responses;

interface ErrorFormat {
  readonly statusOf: (code: ErrorCode) => number;
  /** The content of an answer that these codes share. */
  readonly contentOf: (codes: readonly ErrorCode[]) => object;
  /** Whether the header `x-job-id` names the job of an error. */
  readonly hasJobId?: boolean;
}

/** The responses for these error codes in one format, by status. */
export function declareErrors(codes: readonly ErrorCode[], { statusOf, contentOf, hasJobId = false }: ErrorFormat) {
  return Object.fromEntries(
    [...Map.groupBy(codes, statusOf)].map(([status, group]) => [
      status,
      {
        description: group.map((code) => `\`${code}\`: ${problemTable[code].title}`).join('; '),
        headers: {
          ...declaredHeaders,
          ...(status === 401 ? challengeHeader : {}),
          ...(statusesWithRetryAfter.has(status) ? retryAfterHeader : {}),
          ...(codes.includes('rate_limited') ? headersOf() : {}),
          // A route that waits for a job may end with any error of the job.
          ...(codes.includes('job_canceled')
            ? headersOf('serverTiming', ...(hasJobId ? (['failedJobId'] as const) : []))
            : {}),
        },
        content: contentOf(group),
      },
    ]),
  );
}

/** The errors of any request: before its handler runs, or when the handler fails. */
export const everyError = [
  'malformed_request',
  'expectation_failed',
  'misdirected_request',
  'headers_too_large',
  'invalid_request',
  'internal',
] as const satisfies readonly ErrorCode[];

/** The errors of a route that is not open, where keys are on. */
export const accessErrors = ['unauthorized', 'forbidden', 'rate_limited'] as const satisfies readonly ErrorCode[];

/** The errors of a route that needs the database. */
export const commonErrors = [
  ...everyError,
  ...accessErrors,
  'database_unavailable',
  'shutting_down',
] as const satisfies readonly ErrorCode[];

/** The errors of a route with a JSON body. */
export const bodyErrors = [
  'invalid_json',
  'request_timeout',
  'body_too_large',
  'unsupported_media_type',
] as const satisfies readonly ErrorCode[];

/** The errors of a submit, whatever its route has for a body. */
export const newJobErrors = [
  'invalid_header',
  'idempotency_key_reused',
  'prompt_refused',
  'context_length_exceeded',
  'queue_full',
  'deadline_unmeetable',
] as const satisfies readonly ErrorCode[];

/** The errors of a route that makes a job of its body. */
export const submitErrors = [...bodyErrors, ...newJobErrors] as const satisfies readonly ErrorCode[];

/** The errors of a wait: the endings of a job without a whole text. */
export const endingErrors = [
  'job_canceled',
  'generation_failed',
  'worker_lost',
  'deadline_exceeded',
  'engine_unavailable',
] as const satisfies readonly ErrorCode[];
