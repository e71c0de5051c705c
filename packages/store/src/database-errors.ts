/** Errors of both databases: their one public code, retries, and the last failure. */
import { AppError } from '@prosemill/core';

/** @param message  Public. Names, paths and addresses belong to `cause`, which goes to the log only. */
export const databaseUnavailable = (message: string, cause: unknown = null): AppError =>
  new AppError('database_unavailable', { message, cause });

/** For a statement that names a missing table or column. */
export const schemaOutdated = 'The schema is missing or older than this version; run pnpm migrate.';

/** The driver's code of an error: a SQLSTATE, `SQLITE_…`, or a system error such as ECONNREFUSED. '' for none. */
export function driverCodeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if (!(error instanceof AppError) && 'code' in error && typeof error.code === 'string') return error.code;
  return driverCodeOf(error.cause);
}

/** Serialization failure and deadlock: a second try may succeed at once. */
const transientCodes: ReadonlySet<string> = new Set(['40001', '40P01']);
const transientTries = 3;

/** SQLite has one code for all faults of statements, so the message decides. */
const sqliteSchemaFault = /^no such (?:table|column)|has no column named/;

const isSqliteSchemaFault = (error: unknown): boolean =>
  driverCodeOf(error) === 'SQLITE_ERROR' && error instanceof Error && sqliteSchemaFault.test(error.message);

async function retryTransient<Result>(operation: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await operation();
    } catch (error) {
      if (tries < transientTries && transientCodes.has(driverCodeOf(error))) continue;
      throw isSqliteSchemaFault(error) ? databaseUnavailable(schemaOutdated, error) : error;
    }
  }
}

/** Codes of lasting failures that may not affect other calls: a full or read-only database still answers reads. */
const lastingFailure = /^(?:28|3D|42501|25006|53|58|XX|SQLITE_(?!ERROR))/;
/** Longer than the 5 s between the reports of a worker, which repeat a failure that lasts. */
const rememberedMs = 15_000;

/** Remembers the last failure of a lasting kind. */
export class LastFailure {
  #failed: { readonly call: string; readonly message: string; readonly at: number } | null = null;

  recordSuccess(call: string): void {
    if (this.#failed?.call === call) this.#failed = null;
  }

  recordFailure(call: string, error: unknown): void {
    if (!(error instanceof AppError) || !lastingFailure.test(driverCodeOf(error))) return;
    this.#failed = { call, message: error.message, at: performance.now() };
  }

  /** Public. Null after a success of the same call, and 15 s after the failure. */
  get message(): string | null {
    if (this.#failed === null || performance.now() - this.#failed.at > rememberedMs) return null;
    return this.#failed.message;
  }
}

type Methods = Readonly<Record<string, (...args: never[]) => Promise<unknown>>>;

/** The same methods. They retry transient errors, and record how each call ends. */
export function withRetries<Target>(target: Target, lastFailure: LastFailure): Target {
  const methods = Object.entries(target as Methods).map(([name, method]) => [
    name,
    async function call(...args: never[]) {
      try {
        const result = await retryTransient(async () => await method(...args));
        lastFailure.recordSuccess(name);
        return result;
      } catch (error) {
        lastFailure.recordFailure(name, error);
        throw error;
      }
    },
  ]);
  return Object.fromEntries(methods) as Target;
}
