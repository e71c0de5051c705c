/** The error of a database that does not do its work for now, whatever its driver calls it. */
import { AppError } from '@prosemill/core';

/** @param message  Public: `cause` has the names, paths and addresses, and goes to the log. */
export const databaseUnavailable = (message: string, cause: unknown): AppError =>
  new AppError('database_unavailable', { message, cause });

/** When a statement names a table or a column that is not there. */
export const schemaOutdated = 'The schema is missing or older than this version; run pnpm migrate.';

/** The driver's code behind an error: a SQLSTATE, `SQLITE_…`, or a system error's name; '' for none. */
export function driverCodeOf(error: unknown): string {
  if (error instanceof AppError) return driverCodeOf(error.cause);
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
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

type Methods = Readonly<Record<string, (...args: never[]) => Promise<unknown>>>;

/** The same methods; a deadlock's victim is tried again. */
export function withRetries<Target>(target: Target): Target {
  const methods = Object.entries(target as Methods).map(([name, method]) => [
    name,
    async (...args: never[]) => await retryTransient(async () => await method(...args)),
  ]);
  return Object.fromEntries(methods) as Target;
}
