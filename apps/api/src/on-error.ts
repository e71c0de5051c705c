/** The one place where an error becomes an answer: RFC 9457 for everything, and never a word of a prompt. */
import { problemMediaType, problemTable, problemType, type Problem } from '@prosemill/contract';
import { AppError, type ErrorCode, errorLine, toAppError } from '@prosemill/core';
import type { Context, ErrorHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ZodError } from 'zod';
import type { ApiEnv } from './api-env.ts';
import { quietPaths } from './middleware/request-context.ts';

/** After how long a retry makes sense, where the error does not say. */
const defaultRetryAfterMs = 1_000;
/** Of a full queue. A guess: how fast the workers make room is not measured here, and sooner only costs everybody. */
const retryFullAfterMs = 5_000;
/** Of the statuses that say so in whole seconds too, as every client of HTTP understands it. */
const withRetryAfter: ReadonlySet<number> = new Set([429, 503]);

/** Logged besides the line of the request. Other errors that pass are refusals by design, as frequent as the requests. */
const outages: ReadonlySet<ErrorCode> = new Set(['database_unavailable', 'engine_unavailable']);

/** Members of `details` that an answer may carry. */
const extensions = ['job_id', 'prompt_tokens', 'limit'] as const;

export const onError: ErrorHandler<ApiEnv> = function onError(thrown, c) {
  const error = toKnownError(thrown, c);
  if (error.code === 'internal') {
    c.var.logger.error({ error: thrown }, 'a request failed because of a bug');
  } else if (outages.has(error.code)) {
    // Of what is asked by machines all the time, and by whoever likes, `ServiceState` says it once.
    const level = quietPaths.has(c.req.path) ? 'debug' : 'warn';
    c.var.logger[level]({ reason: errorLine(error) }, 'a request failed');
  }
  return problemResponse(c, error);
};

/** An `AppError` as the answer to a request. */
export function problemResponse(c: Context<ApiEnv>, error: AppError): Response {
  // As it was sent: c.req.path is decoded.
  const instance = c.var.basePath + new URL(c.req.url).pathname;
  const { status, headers, body } = problemAnswer(error, { instance, requestId: c.var.requestId });
  return c.body(body, status, headers);
}

/** An `AppError` as the parts of an answer. */
export function problemAnswer(error: AppError, { instance, requestId }: { instance: string; requestId: string }) {
  const { status, title } = problemTable[error.code];
  // An error about a stored job says how that job ended: the same request again would be another job.
  const shouldRetry = error.retryable && !('job_id' in error.details);
  const waitMs = retryAfterMsOf(error);
  const problem: Problem = {
    type: problemType(error.code),
    title,
    status,
    detail: error.code === 'internal' ? 'Something went wrong on our side.' : error.message,
    instance,
    request_id: requestId,
    code: error.code,
    errors: Array.isArray(error.details['errors']) ? error.details['errors'] : [],
    ...Object.fromEntries(
      extensions.filter((name) => name in error.details).map((name) => [name, error.details[name]]),
    ),
  };
  const headers = {
    'Content-Type': problemMediaType,
    'X-Request-Id': requestId,
    'x-should-retry': String(shouldRetry),
    'retry-after-ms': shouldRetry ? String(waitMs) : '0',
    // The rest of a body that nobody reads would be taken for the next request.
    ...(status === 413 ? { Connection: 'close' } : {}),
    ...(status === 401 ? { 'WWW-Authenticate': 'Bearer realm="prosemill"' } : {}),
    ...(withRetryAfter.has(status) ? { 'Retry-After': String(Math.ceil(waitMs / 1_000)) } : {}),
  };
  return { status, headers, body: JSON.stringify(problem) };
}

function retryAfterMsOf({ code, details: { retryAfterMs } }: AppError): number {
  if (typeof retryAfterMs === 'number') return retryAfterMs;
  return code === 'queue_full' ? retryFullAfterMs : defaultRetryAfterMs;
}

interface WrongValue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly code: string;
}

/** Every value that is wrong, with its JSON pointer. */
export function invalidRequest(wrongValues: readonly WrongValue[]): AppError {
  const errors = wrongValues.map(({ path, message, code }) => ({ pointer: pointerTo(path), detail: message, code }));
  const message = errors.map(({ pointer, detail }) => (pointer === '' ? detail : `${pointer}: ${detail}`)).join('; ');
  return new AppError('invalid_request', { message, details: { errors } });
}

/** The values that a schema of the contract refuses. One of the wrong type is told so alone: zod measures lengths of other types too. */
export function wrongValuesOf({ issues }: ZodError): readonly WrongValue[] {
  const told = issues.flatMap(narrowed);
  const wrongTypes = new Set(told.filter(({ code }) => code === 'invalid_type').map(({ path }) => pointerTo(path)));
  return told.flatMap((issue): WrongValue[] => {
    const { path, message, code } = issue;
    if (code !== 'invalid_type' && wrongTypes.has(pointerTo(path))) return [];
    if (code !== 'unrecognized_keys') return [{ path, message, code }];
    return issue.keys.map((key) => ({ path: [...path, key], message: 'is not a known name', code }));
  });
}

/** The issues of the member of a union that has the type of the value; the issue itself where no member has. */
function narrowed(issue: ZodError['issues'][number]): ZodError['issues'] {
  if (issue.code !== 'invalid_union') return [issue];
  const ofType = issue.errors.find((issues) =>
    issues.every(({ code, path }) => code !== 'invalid_type' || path.length > 0),
  );
  return ofType?.flatMap((inner) => narrowed({ ...inner, path: [...issue.path, ...inner.path] })) ?? [issue];
}

/** Headers are no part of the body: they have no pointer. */
export const invalidHeader = ({ issues }: ZodError): AppError =>
  new AppError('invalid_header', {
    message: issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
  });

/** @see RFC 6901, §3 */
const pointerTo = (path: readonly PropertyKey[]): string =>
  path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

function toKnownError(thrown: unknown, c: Context<ApiEnv>): AppError {
  if (thrown instanceof AppError) return thrown;
  if (thrown instanceof HTTPException) return fromHttpException(thrown);
  // Reading a body ends with an error when its client hangs up or is cut off: nobody hears the answer, and it is no bug.
  const incoming = c.env?.incoming;
  const isCutOff = incoming?.destroyed === true && !incoming.complete;
  const isReset =
    c.req.raw.signal.aborted && thrown instanceof Error && 'code' in thrown && thrown.code === 'ECONNRESET';
  if (isCutOff || isReset) {
    return new AppError('request_timeout', { message: 'The request did not arrive.', cause: thrown });
  }
  return toAppError(thrown);
}

/** The code for each status of a library's exception about the bytes of a request. */
const codeOfStatus: ReadonlyMap<number, ErrorCode> = new Map([
  [400, 'invalid_json'],
  [413, 'body_too_large'],
  [415, 'unsupported_media_type'],
]);

/** Hono and its validators throw these for requests that they do not take. Those with other statuses are not expected. */
function fromHttpException(exception: HTTPException): AppError {
  const code = codeOfStatus.get(exception.status) ?? (exception.status < 500 ? 'invalid_request' : 'internal');
  return new AppError(code, { message: problemTable[code].title, cause: exception });
}
