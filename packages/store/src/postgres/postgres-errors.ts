/** Errors of Postgres and of the network: temporary ones, and faults of the statement. */
import { DatabaseError } from 'pg';
import { databaseUnavailable, driverCodeOf, schemaOutdated } from '../database-errors.ts';

/**
 * SQLSTATEs of faults of the statement or its rows, with which it fails again: unsupported features (0A), wrong results
 * of subqueries and CASE (20, 21), data (22), constraints (23, 27, 40002, 44), functions and triggers (2F, 38, 39, P0),
 * syntax and names (42), sizes (54). Some codes of these classes are temporary all the same: missing permissions
 * (42501), missing tables and columns (42P01, 42703), and a server that takes no writes until a vacuum (54000). All
 * other classes are about the connection, the session, the server or its machine, and are temporary.
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const statementFault = /^(?:0A|2[0-3]|27|2F|38|39|40002|42(?!501|703|P01)|44|54(?!000)|P0)/;

const away = 'The database cannot be reached.';

/** Public: without names and addresses. */
const reasons: readonly (readonly [states: RegExp, message: string])[] = [
  [/^(?:28|0P)/, 'The database refuses the role or its password.'],
  [/^3D/, 'The database does not exist.'],
  [/^(?:42703|42P01|3F)/, schemaOutdated],
  [/^42501/, 'The database role lacks a permission.'],
  [/^25006/, 'The database takes no writes: it is a standby, or set to read only.'],
  [/^53100/, 'The disk of the database is full.'],
  [/^53200/, 'The database is out of memory.'],
  [/^53/, 'The database has no connection or other resource left.'],
  [/^(?:40|55|57014|25P0[345])/, 'The database did not finish in time.'],
  [/^(?:58|XX)/, 'The database reports an internal error: see its log.'],
];

/** The message of an error that has no code. */
const noPassword = /client password must be a string/;

/** The error of a failed connection attempt, or of a statement that failed for a temporary reason. */
export function unavailable(error: unknown): Error {
  const code = driverCodeOf(error);
  if (error instanceof Error && noPassword.test(error.message)) {
    return databaseUnavailable('The database wants a password, and DATABASE_URL has none.', error);
  }
  return databaseUnavailable(reasons.find(([states]) => states.test(code))?.[1] ?? away, error);
}

/**
 * The error of a statement on an open connection. The driver reports a lost connection in many ways, mostly without a
 * code, so every error that is not known as a fault counts as temporary.
 * @returns the error itself when it is a fault of the statement or of this program
 */
export function statementFailed(error: unknown): unknown {
  if (error instanceof TypeError || error instanceof RangeError) return error;
  const isFatal = error instanceof DatabaseError && (error.severity === 'FATAL' || error.severity === 'PANIC');
  return statementFault.test(driverCodeOf(error)) && !isFatal ? error : unavailable(error);
}

/** Invalid transaction state: the session is not in the state that the pool assumes. */
const brokenSessionStates = /^25/;

/** True when the connection is unusable from now on, although it looks alive. */
export const isConnectionUseless = (error: unknown): boolean =>
  brokenSessionStates.test(driverCodeOf(error)) || (error instanceof Error && error.message === 'Query read timeout');

/** True for a write on a read-only server: it may be a former primary, and new connections lead to the new one. */
export const isReadOnly = (error: unknown): boolean => driverCodeOf(error) === '25006';
