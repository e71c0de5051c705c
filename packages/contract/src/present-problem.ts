/** An error as an answer in the format of RFC 9457, without a word of any prompt. */
import type { AppError, ErrorCode } from '@prosemill/core';
import { type Problem, problemMediaType, problemTable, problemType, statusesWithRetryAfter } from './problem.ts';

/** The error format of a route. `instance`: the path as the client sent it; '' for bytes that became no request. */
export type ErrorPresenter = (
  error: AppError,
  request: { readonly instance: string; readonly requestId: string },
) => { readonly status: ProblemStatus; readonly headers: Readonly<Record<string, string>>; readonly body: string };

export type ProblemStatus = (typeof problemTable)[ErrorCode]['status'];

/** The time until a retry makes sense, for errors without a time of their own. */
const retryAfterMs = 1_000;
/** The same for a full queue while the speed of the workers is not known: early retries cost everybody. */
const retryFullAfterMs = 5_000;

/** Members of `details` that an answer may carry. */
const extensions = ['job_id', 'timings', 'prompt_tokens', 'limit'] as const;

export const presentProblem: ErrorPresenter = function presentProblem(error, { instance, requestId }) {
  const { status, title } = problemTable[error.code];
  const problem: Problem = {
    type: problemType(error.code),
    title,
    status,
    detail: publicDetail(error),
    instance,
    request_id: requestId,
    code: error.code,
    errors: Array.isArray(error.details['errors']) ? error.details['errors'] : [],
    ...Object.fromEntries(
      extensions.filter((name) => name in error.details).map((name) => [name, error.details[name]]),
    ),
  };
  const headers = { 'Content-Type': problemMediaType, ...errorHeaders(error, { status, requestId }) };
  return { status, headers, body: JSON.stringify(problem) };
};

/** The message of an error, but for bugs: theirs may have any content. */
export const publicDetail = ({ code, message }: AppError): string =>
  code === 'internal' ? 'Something went wrong on our side.' : message;

/** The headers of an error in every format. */
export function errorHeaders(
  error: AppError,
  { status, requestId }: { readonly status: ProblemStatus; readonly requestId: string },
): Readonly<Record<string, string>> {
  // An error with a job is the ending of that job: the same request again would make another job.
  const shouldRetry = error.retryable && !('job_id' in error.details);
  const own = error.details['retryAfterMs'];
  const waitMs = typeof own === 'number' ? own : error.code === 'queue_full' ? retryFullAfterMs : retryAfterMs;
  return {
    'X-Request-Id': requestId,
    'x-should-retry': String(shouldRetry),
    'retry-after-ms': shouldRetry ? String(waitMs) : '0',
    // The next request on this connection would begin in the rest of the body, which nobody reads.
    ...(status === 413 ? { Connection: 'close' } : {}),
    ...(status === 401 ? { 'WWW-Authenticate': 'Bearer realm="prosemill"' } : {}),
    ...(statusesWithRetryAfter.has(status) ? { 'Retry-After': String(Math.ceil(waitMs / 1_000)) } : {}),
  };
}
