/** Which errors mean that the database cannot be reached, in the words of its drivers. */
import { AppError } from '@prosemill/core';

/**
 * Connection trouble, shutdown, start-up, too many connections, what the timeouts cut, a server that only reads since another took over,
 * and rows that others hold for longer than a few tries. @see Postgres manual, appendix A
 */
const unavailableStates = /^(?:08|25006|25P03|40001|40P01|53|55P03|57014|57P0|58)/;
const networkCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
/** What pg says without a code. */
const connectionMessages =
  /connection terminated|connection timeout|timeout exceeded|query read timeout|not queryable/i;
/** Serialisation failure and deadlock: the same transaction may succeed at once. */
const transientStates: ReadonlySet<string> = new Set(['40001', '40P01']);

const transientTries = 3;

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** Whether the database is away, or does not answer in time. */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isUnavailable);
  const code = codeOf(error);
  return (
    unavailableStates.test(code) ||
    networkCodes.has(code) ||
    (error instanceof Error && connectionMessages.test(error.message))
  );
}

/** Runs an operation; a deadlock's victim is tried again. @throws {AppError} `database_unavailable` when the database is away */
async function translated<Result>(operation: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await operation();
    } catch (error) {
      if (transientStates.has(codeOf(error)) && tries < transientTries) continue;
      if (!isUnavailable(error)) throw error;
      throw new AppError('database_unavailable', { message: 'The database cannot be reached.', cause: error });
    }
  }
}

type Methods = Readonly<Record<string, (...args: never[]) => Promise<unknown>>>;

/** The same methods, with the driver's errors translated. */
export function translateErrors<Target>(target: Target): Target {
  const methods = Object.entries(target as Methods).map(([name, method]) => [
    name,
    async (...args: never[]) => await translated(async () => await method(...args)),
  ]);
  return Object.fromEntries(methods) as Target;
}
