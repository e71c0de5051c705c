/** The one table of error codes, and the one error class that carries them. */

/** Every error, as docs/errors.md lists it. `retryable`: the same attempt may succeed later without a change. */
export const errorTable = {
  // Errors of requests that HTTP itself refuses: only apps/api and packages/contract use them.
  malformed_request: { retryable: false },
  expectation_failed: { retryable: false },
  misdirected_request: { retryable: false },
  headers_too_large: { retryable: false },
  body_too_large: { retryable: false },
  unsupported_media_type: { retryable: false },
  invalid_json: { retryable: false },
  invalid_header: { retryable: false },
  method_not_allowed: { retryable: false },
  request_timeout: { retryable: true },

  invalid_request: { retryable: false },
  prompt_refused: { retryable: false },
  context_length_exceeded: { retryable: false },
  idempotency_key_reused: { retryable: false },
  unauthorized: { retryable: false },
  forbidden: { retryable: false },
  not_found: { retryable: false },
  model_not_found: { retryable: false },
  gone: { retryable: false },
  job_canceled: { retryable: false },
  job_not_finished: { retryable: true },
  not_verifiable: { retryable: false },
  rate_limited: { retryable: true },
  queue_full: { retryable: true },
  deadline_unmeetable: { retryable: true },
  database_unavailable: { retryable: true },
  engine_unavailable: { retryable: true },
  shutting_down: { retryable: true },
  deadline_exceeded: { retryable: false },
  generation_failed: { retryable: true },
  worker_lost: { retryable: false },
  internal: { retryable: false },
} as const satisfies Record<string, { readonly retryable: boolean }>;

export type ErrorCode = keyof typeof errorTable;

export interface AppErrorOptions {
  /** Says what was expected and what came instead; never a secret or a prompt. Default: the code in words. */
  readonly message?: string;
  readonly cause?: unknown;
  /** Numbers and names for the caller to act on; sent to clients. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Thrown at boundaries and for bugs, with a code of {@link errorTable}. Expected endings of a job are values. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    super(options.message ?? code.replaceAll('_', ' '), { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.details = options.details ?? {};
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable;
  }
}

export const isRetryable = (thrown: unknown): boolean => thrown instanceof AppError && thrown.retryable;

/** Wraps a thrown value in an `AppError`; returns an `AppError` unchanged. */
export function toAppError(thrown: unknown, code: ErrorCode = 'internal'): AppError {
  if (thrown instanceof AppError) return thrown;
  return new AppError(code, { cause: thrown });
}

/** An error and its causes, at most five. */
function chainOf(thrown: unknown, most = 5): readonly unknown[] {
  if (thrown == null || most === 0) return [];
  return [thrown, ...chainOf(thrown instanceof Error ? thrown.cause : null, most - 1)];
}

/** The messages of an error and its causes in one line, for logs and start-up messages. */
export function errorLine(thrown: unknown): string {
  const parts = chainOf(thrown).flatMap((error) => {
    if (error instanceof AggregateError && error.message === '') return error.errors.slice(0, 2).map(errorLine);
    return error instanceof Error ? error.message || error.name : JSON.stringify(error);
  });
  return [...new Set(parts)].join(': ').replaceAll('.: ', ': ').replace(/\s+/g, ' ');
}

/** The stacks of an error and its causes, and nothing else: errors of Postgres hold the row with its prompt. */
export function errorStack(thrown: unknown): string {
  const stacks = chainOf(thrown).map((error) => (error instanceof Error && error.stack) || errorLine(error));
  return stacks.join('\ncaused by ');
}
