/** The only place where an error becomes an answer, in the error format of the route. */
import { type ErrorPresenter, pointerTo, presentErrorPage, problemTable, type WrongValue } from '@prosemill/contract';
import { AppError, type ErrorCode, errorLine, toAppError } from '@prosemill/core';
import type { Context, ErrorHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ZodError } from 'zod';
import type { ApiEnv } from './api-env.ts';
import { wantsPage } from './wire/prefers.ts';

/** Errors with a log line of their own. Other errors are refusals by design, as frequent as requests. */
const outages: ReadonlySet<ErrorCode> = new Set(['database_unavailable', 'engine_unavailable']);

export const onError: ErrorHandler<ApiEnv> = function onError(thrown, c) {
  const { status, headers, body } = describeError(thrown, c);
  return c.body(body, status, headers);
};

/** Logs the error, if it is no refusal. @returns it in the error format of the route; the body is one line */
export function describeError(thrown: unknown, c: Context<ApiEnv>): ReturnType<ErrorPresenter> {
  const error = toKnownError(thrown, c);
  if (error.code === 'internal') {
    c.var.logger.error({ error: thrown }, 'a request failed because of a bug');
  } else if (outages.has(error.code)) {
    // Probes are frequent and open to everybody. `ServiceState` logs the outage once.
    const level = c.var.policy.isProbe ? 'debug' : 'warn';
    c.var.logger[level]({ reason: errorLine(error) }, 'a request failed');
  }
  return present(error, c);
}

export function errorResponse(c: Context<ApiEnv>, error: AppError): Response {
  const { status, headers, body } = present(error, c);
  return c.body(body, status, headers);
}

function present(error: AppError, c: Context<ApiEnv>): ReturnType<ErrorPresenter> {
  // The path as it was sent: c.req.path is decoded.
  const instance = c.var.basePath + new URL(c.req.url).pathname;
  const { isPage, errors } = c.var.policy;
  const presentError = isPage && wantsPage(c.req.header('Accept')) ? presentErrorPage : errors;
  const { headers, ...answer } = presentError(error, { instance, requestId: c.var.requestId });
  return { ...answer, headers: isPage ? { ...headers, Vary: 'Accept' } : headers };
}

/** Names every value that is wrong, with its JSON pointer. */
export function invalidRequest(wrongValues: readonly WrongValue[]): AppError {
  const errors = wrongValues.map(({ path, message, code }) => ({ pointer: pointerTo(path), detail: message, code }));
  const message = errors.map(({ pointer, detail }) => (pointer === '' ? detail : `${pointer}: ${detail}`)).join('; ');
  return new AppError('invalid_request', { message, details: { errors } });
}

/** Without pointers: headers are no part of the body. */
export const invalidHeader = ({ issues }: ZodError): AppError =>
  new AppError('invalid_header', {
    message: issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
  });

function toKnownError(thrown: unknown, c: Context<ApiEnv>): AppError {
  if (thrown instanceof AppError) return thrown;
  if (thrown instanceof HTTPException) return fromHttpException(thrown);
  // When a client disconnects or is cut off, the read of its body fails. That is no bug, and nobody gets the answer.
  const incoming = c.env?.incoming;
  const isCutOff = incoming?.destroyed === true && !incoming.complete;
  const isReset =
    c.req.raw.signal.aborted && thrown instanceof Error && 'code' in thrown && thrown.code === 'ECONNRESET';
  if (isCutOff || isReset) {
    return new AppError('request_timeout', { message: 'The request did not arrive.', cause: thrown });
  }
  return toAppError(thrown);
}

/** The error code for each status that libraries throw about the bytes of a request. */
const codeOfStatus: ReadonlyMap<number, ErrorCode> = new Map([
  [400, 'invalid_json'],
  [413, 'body_too_large'],
  [415, 'unsupported_media_type'],
]);

/** Hono and its validators throw `HTTPException`. Any other status than those above is a bug. */
function fromHttpException(exception: HTTPException): AppError {
  const code = codeOfStatus.get(exception.status) ?? (exception.status < 500 ? 'invalid_request' : 'internal');
  return new AppError(code, { message: problemTable[code].title, cause: exception });
}
