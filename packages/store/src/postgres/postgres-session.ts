/** The settings that each session needs, whatever the role, the database or PGOPTIONS set. */
import { type ClientBase, type CustomTypesConfig, types } from 'pg';

export interface SessionOptions {
  readonly statementTimeoutMs: number;
  /** The time in which the server must answer. */
  readonly limitMs: number;
}

/**
 * The server ends a transaction that is idle for so long, so that a hung process does not keep its locks, above all the
 * lock of submits. Between two statements a transaction is idle for microseconds.
 */
export const idleTransactionTimeoutMs = 5_000;

/** The server reports these settings, so pgbouncer keeps them for each client, even in its transaction mode. */
const reportedSettings = { client_encoding: 'UTF8', DateStyle: 'ISO', standard_conforming_strings: 'on' };

/** Through a pooler these settings would reach other clients. */
const sessionSettings = {
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
  extra_float_digits: 1,
  exit_on_error: 'off',
  lock_timeout: 0,
  transaction_timeout: 0,
  idle_in_transaction_session_timeout: idleTransactionTimeoutMs,
  idle_session_timeout: 0,
};

const rowsOf = (settings: Readonly<Record<string, string | number>>): string =>
  Object.entries(settings)
    .map(([name, value]) => `('${name}', '${value}')`)
    .join(', ');

/** Leaves out settings that this version of Postgres lacks. */
const setAll = (settings: Readonly<Record<string, string | number>>, condition: string): string =>
  `select set_config(name, value, false) from pg_settings join (values ${rowsOf(settings)}) as wanted (name, value) using (name) where ${condition}`;

/**
 * Sets up the session of a new connection, in two round trips. Startup parameters would need none, but pgbouncer
 * refuses most of them. Behind a pooler, the process id of the connection is not that of the session.
 */
export async function prepareSession(client: ClientBase, options: SessionOptions): Promise<void> {
  const { statementTimeoutMs, limitMs } = options;
  const { processID } = client as unknown as { readonly processID: number | null };
  const isDirect = `pg_backend_pid() = ${Number(processID)}`;
  const run = async (text: string): Promise<void> => {
    // pg takes this limit for a single query, but its types lack it.
    const statement = { text, query_timeout: limitMs };
    await client.query(statement);
  };
  // In a message of its own: the timeout at the start of a message, here the role's, holds for all of it.
  await run(`select set_config('statement_timeout', '${statementTimeoutMs}', false) where ${isDirect}`);
  await run(`${setAll(reportedSettings, 'true')}; ${setAll(sessionSettings, isDirect)}`);
}

/** The ISO format. Dates of other DateStyles would be misread. */
const isoTime = /^\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d/;

function parseTime(text: string): Date {
  if (!isoTime.test(text)) throw new Error('Expected times in ISO format: the DateStyle of the session has changed.');
  return types.getTypeParser(types.builtins.TIMESTAMPTZ)(text) as Date;
}

/** bigint columns become numbers: counts, turns, seeds and record ids are far below 2^53. */
export const columnParsers: CustomTypesConfig = {
  getTypeParser(oid, format) {
    if (oid === types.builtins.INT8) return Number;
    if (oid === types.builtins.TIMESTAMPTZ) return parseTime;
    return types.getTypeParser(oid, format);
  },
};
