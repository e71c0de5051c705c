/** The error of a database that does not do its work for now, whatever its driver calls it. */
import { AppError } from '@prosemill/core';

/** @param message  Public: `cause` has the names, paths and addresses, and goes to the log. */
export const databaseUnavailable = (message: string, cause: unknown): AppError =>
  new AppError('database_unavailable', { message, cause });

/** When a statement names a table or a column that is not there. */
export const schemaOutdated = 'The schema is missing or older than this version; run pnpm migrate.';

/** The driver's code behind an error: a SQLSTATE, `SQLITE_…`, or a system error's name; '' for none. */
export function driverCodeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if (!(error instanceof AppError) && 'code' in error && typeof error.code === 'string') return error.code;
  return driverCodeOf(error.cause);
}

/** Serialisation failure and deadlock: the same transaction may succeed at once. */
const transientCodes: ReadonlySet<string> = new Set(['40001', '40P01']);
const transientTries = 3;

/** SQLite has one code for every fault of a statement. */
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

/** Trouble that others of its calls need not have: a database that is full or read-only still answers reads. */
const standingTrouble = /^(?:28|3D|42501|25006|53|58|XX|SQLITE_(?!ERROR))/;
/** A worker reports every 5 s, so that trouble which lasts is noticed again. */
const rememberedMs = 15_000;

/** Why calls fail at the moment. */
export class DatabaseTrouble {
  #failed: { readonly call: string; readonly message: string; readonly at: number } | null = null;

  noteSuccess(call: string): void {
    if (this.#failed?.call === call) this.#failed = null;
  }

  noteFailure(call: string, error: unknown): void {
    if (!(error instanceof AppError) || !standingTrouble.test(driverCodeOf(error))) return;
    this.#failed = { call, message: error.message, at: performance.now() };
  }

  /** For everybody. Null after a success of the same call, or after a while. */
  get message(): string | null {
    if (this.#failed === null || performance.now() - this.#failed.at > rememberedMs) return null;
    return this.#failed.message;
  }
}

type Methods = Readonly<Record<string, (...args: never[]) => Promise<unknown>>>;

/** The same methods; a deadlock's victim is tried again, and trouble is noted. */
export function withRetries<Target>(target: Target, trouble: DatabaseTrouble): Target {
  const methods = Object.entries(target as Methods).map(([name, method]) => [
    name,
    async function call(...args: never[]) {
      try {
        const result = await retryTransient(async () => await method(...args));
        trouble.noteSuccess(name);
        return result;
      } catch (error) {
        trouble.noteFailure(name, error);
        throw error;
      }
    },
  ]);
  return Object.fromEntries(methods) as Target;
}
