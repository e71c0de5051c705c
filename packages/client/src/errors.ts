/** The error of this package, and the way to it from an answer. */
import { type RetryHint, retryHintOf } from './retry-hint.ts';
import type { Job, Problem } from './types.ts';

/** `no_answer`: the request got none. `malformed_answer`: something else than the service answered, such as a proxy. */
export type ErrorCode = Problem['code'] | 'no_answer' | 'malformed_answer';

interface Details {
  readonly status?: number | undefined;
  readonly problem?: Problem | undefined;
  readonly jobId?: string | null | undefined;
  readonly hint?: RetryHint | undefined;
  readonly cause?: unknown;
}

/** A request that failed, or a job that ended without its text. The message is for people, `code` for programs. */
export class ProsemillError extends Error {
  /** A code of docs/errors.md, `no_answer` or `malformed_answer`. */
  readonly code: ErrorCode;
  /** The HTTP status; null: there was no answer, or the job failed after one. */
  readonly status: number | null;
  /** The document of the service (RFC 9457), with a pointer for each value that is wrong; null: there is none. */
  readonly problem: Problem | null;
  /** The job that ended like this; null: none was stored, or that is not known. */
  readonly jobId: string | null;
  /** Whether and when the same request may succeed. The client has already repeated it for as long as it may. */
  readonly hint: RetryHint;

  constructor(code: ErrorCode, message: string, { status, problem, jobId, hint, cause }: Details = {}) {
    super(message, { cause });
    this.name = 'ProsemillError';
    this.code = code;
    this.status = status ?? null;
    this.problem = problem ?? null;
    this.jobId = jobId ?? problem?.job_id ?? null;
    this.hint = hint ?? { shouldRetry: false, afterMs: null };
  }
}

/** A request that cannot be sent at all, for a wrong address, key or header: the service knows nothing of it. */
export class UnsendableRequest extends TypeError {}

export const noAnswer = (cause: unknown): ProsemillError =>
  new ProsemillError('no_answer', `The service does not answer: ${reasonOf(cause)}`, {
    hint: { shouldRetry: true, afterMs: null },
    cause,
  });

/** `fetch` of Node hides the reason in the cause of its error. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message;
}

/** The error of an answer that is no success. */
export async function errorOf(response: Response): Promise<ProsemillError> {
  const { status, headers } = response;
  const hint = retryHintOf(status, headers);
  const mayBeProblem = headers.get('Content-Type')?.startsWith('application/problem+json') === true;
  const problem = mayBeProblem ? await readProblem(response) : null;
  if (problem !== null) return problemError(problem, hint);
  return malformedAnswer(status, hint);
}

export const malformedAnswer = (status: number, hint?: RetryHint): ProsemillError =>
  new ProsemillError('malformed_answer', `The answer ${status} is not from the service.`, { status, hint });

export const problemError = (problem: Problem, hint?: RetryHint): ProsemillError =>
  new ProsemillError(problem.code, messageOf(problem), { status: problem.status, problem, hint });

/** @returns null for a document of something else: others use this media type too */
async function readProblem(response: Response): Promise<Problem | null> {
  try {
    const document: unknown = await response.json();
    return isProblem(document) ? document : null;
  } catch {
    return null;
  }
}

export function isProblem(document: unknown): document is Problem {
  const { code, errors } = (document ?? {}) as Partial<Problem>;
  return typeof code === 'string' && Array.isArray(errors) && errors.every(hasPointer);
}

const hasPointer = (entry: Partial<Problem['errors'][number]> | null): boolean => typeof entry?.pointer === 'string';

function messageOf({ title, detail, errors }: Problem): string {
  const values = errors.map(({ pointer, detail: reason }) => `${pointer.slice(1) || 'the body'} ${reason}`);
  return values.length > 0 ? `${title}: ${values.join('; ')}` : detail === '' ? title : detail;
}

/** The request is at fault, and not the moment: the service would refuse it again, or has no room within its time. */
export const isRefusal = ({ code, hint }: ProsemillError): boolean =>
  code === 'deadline_unmeetable' || (!hint.shouldRetry && code !== 'malformed_answer');

/** The error of a job that has ended without its whole text. */
export function endingError({ id, status, error }: Job): ProsemillError {
  const code = error?.code ?? (status === 'expired' ? 'deadline_exceeded' : 'job_canceled');
  return new ProsemillError(code as ErrorCode, error?.message ?? `The job was ${status}.`, { jobId: id });
}
