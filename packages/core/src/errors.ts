/** The one table of error codes, and the one error class that carries them. */

/** What sort of trouble an error is; the API maps the code to a status, the worker maps `retryable` to a transition. */
export type ErrorKind =
  | 'invalid'
  | 'denied'
  | 'not_found'
  | 'conflict'
  | 'rate_limited'
  | 'unavailable'
  | 'timeout'
  | 'internal';

interface ErrorRow {
  readonly kind: ErrorKind;
  /** The same attempt may succeed later without a change by the caller. */
  readonly retryable: boolean;
}

/** Every error the service can name. docs/errors.md lists the same codes; a test compares them. */
export const errorTable = {
  malformed_request: { kind: 'invalid', retryable: false },
  expectation_failed: { kind: 'invalid', retryable: false },
  invalid_json: { kind: 'invalid', retryable: false },
  invalid_header: { kind: 'invalid', retryable: false },
  invalid_request: { kind: 'invalid', retryable: false },
  prompt_refused: { kind: 'invalid', retryable: false },
  context_length_exceeded: { kind: 'invalid', retryable: false },
  idempotency_key_reused: { kind: 'invalid', retryable: false },
  misdirected_request: { kind: 'denied', retryable: false },
  request_timeout: { kind: 'unavailable', retryable: true },
  headers_too_large: { kind: 'invalid', retryable: false },
  body_too_large: { kind: 'invalid', retryable: false },
  unsupported_media_type: { kind: 'invalid', retryable: false },
  unauthorized: { kind: 'denied', retryable: false },
  forbidden: { kind: 'denied', retryable: false },
  not_found: { kind: 'not_found', retryable: false },
  method_not_allowed: { kind: 'not_found', retryable: false },
  job_canceled: { kind: 'conflict', retryable: false },
  rate_limited: { kind: 'rate_limited', retryable: true },
  queue_full: { kind: 'unavailable', retryable: true },
  database_unavailable: { kind: 'unavailable', retryable: true },
  engine_unavailable: { kind: 'unavailable', retryable: true },
  shutting_down: { kind: 'unavailable', retryable: true },
  deadline_exceeded: { kind: 'timeout', retryable: false },
  generation_failed: { kind: 'internal', retryable: true },
  worker_lost: { kind: 'internal', retryable: false },
  internal: { kind: 'internal', retryable: false },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

export interface AppErrorOptions {
  /** What was expected and what was got. Never a secret, never a prompt. Default: the code in words. */
  readonly message?: string;
  readonly cause?: unknown;
  /** Numbers and names a caller may act on; sent to clients. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** An error with a code of {@link errorTable}. Thrown at boundaries and for bugs; expected endings of a job are values. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    super(options.message ?? code.replaceAll('_', ' '), { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.details = options.details ?? {};
  }

  get kind(): ErrorKind {
    return errorTable[this.code].kind;
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable;
  }
}

/** Wraps anything thrown as an `AppError`; one that is already is returned as it is. */
export function toAppError(thrown: unknown, code: ErrorCode = 'internal'): AppError {
  if (thrown instanceof AppError) return thrown;
  return new AppError(code, { cause: thrown });
}

/** One line that says why, with the causes behind it: for logs and start-up messages. */
export function errorLine(thrown: unknown): string {
  const parts: string[] = [];
  for (let current: unknown = thrown; current != null && parts.length < 5;) {
    if (current instanceof AggregateError && current.message === '') {
      parts.push(...current.errors.slice(0, 2).map(errorLine));
    } else {
      parts.push(current instanceof Error ? current.message || current.name : JSON.stringify(current));
    }
    current = current instanceof Error ? current.cause : null;
  }
  return [...new Set(parts)].join(': ').replaceAll('.: ', ': ').replace(/\s+/g, ' ');
}

/**
 * Where it happened, with the causes behind it, for bugs. Nothing else that errors carry: those of Postgres have the row that they are about,
 * prompt and all.
 */
export function errorStack(thrown: unknown): string {
  const parts: string[] = [];
  for (let current: unknown = thrown; current != null && parts.length < 5;) {
    parts.push(current instanceof Error ? (current.stack ?? errorLine(current)) : errorLine(current));
    current = current instanceof Error ? current.cause : null;
  }
  return parts.join('\ncaused by ');
}
