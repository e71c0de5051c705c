/** Errors of Postgres and of the way to it: which of them pass, and which blame the statement. */
import { DatabaseError } from 'pg';
import { databaseUnavailable, driverCodeOf, schemaOutdated } from '../database-errors.ts';

/**
 * SQLSTATEs that blame the statement or its rows, so that the same statement fails again: unsupported features (0A), wrong results of
 * subqueries and CASE (20, 21), data (22), constraints (23, 27, 40002, 44), functions and triggers (2F, 38, 39, P0), syntax and names
 * (42), sizes (54). Every other class is about the connection, the session, the server or its machine, and passes. Of these classes
 * too some codes pass: rights that were taken away (42501), tables and columns that are not there yet or not any more (42P01, 42703), and a
 * server that takes no writes until a vacuum (54000).
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const statementFault = /^(?:0A|2[0-3]|27|2F|38|39|40002|42(?!501|703|P01)|44|54(?!000)|P0)/;

const away = 'The database cannot be reached.';

/** For clients: no names, no addresses. */
const reasons: readonly (readonly [states: RegExp, message: string])[] = [
  [/^(?:28|0P)/, 'The database refuses the role or its password.'],
  [/^3D/, 'The database does not exist.'],
  [/^(?:42703|42P01|3F)/, schemaOutdated],
  [/^42501/, 'The database forbids this to the role.'],
  [/^25006/, 'The database takes no writes: it is a standby, or set to read only.'],
  [/^53100/, 'The disk of the database is full.'],
  [/^53200/, 'The database is out of memory.'],
  [/^53/, 'The database has no connection or other resource left.'],
  [/^(?:40|55|57014|25P0[345])/, 'The database did not finish in time.'],
  [/^(?:58|XX)/, 'The database reports trouble of its own: its log says more.'],
];

/** Without a code. */
const noPassword = /client password must be a string/;

function unavailable(error: unknown): Error {
  const code = driverCodeOf(error);
  if (error instanceof Error && noPassword.test(error.message)) {
    return databaseUnavailable('The database wants a password, and DATABASE_URL has none.', error);
  }
  return databaseUnavailable(reasons.find(([states]) => states.test(code))?.[1] ?? away, error);
}

/** There is no connection: no statement is to blame, whatever the network, TLS, a pooler or the server says. */
export const connectFailed = (error: unknown): Error => unavailable(error);

/**
 * The error of a statement on an open connection. The driver reports a lost connection in many ways, mostly without a code.
 * @returns the error as it is when the statement or this program is to blame
 */
export function statementFailed(error: unknown): unknown {
  if (error instanceof TypeError || error instanceof RangeError) return error;
  const isFatal = error instanceof DatabaseError && (error.severity === 'FATAL' || error.severity === 'PANIC');
  return statementFault.test(driverCodeOf(error)) && !isFatal ? error : unavailable(error);
}

/** Invalid transaction state: the session is not what the pool believes. */
const brokenSessionStates = /^25/;

/** Whether the connection will never do its work again, although it looks alive. */
export const isConnectionUseless = (error: unknown): boolean =>
  brokenSessionStates.test(driverCodeOf(error)) || (error instanceof Error && error.message === 'Query read timeout');

/** A write on a server that only reads: it was the primary, and new connections lead to the one that is. */
export const isReadOnly = (error: unknown): boolean => driverCodeOf(error) === '25006';
