/** The session that the code needs, whatever the role, the database or PGOPTIONS have set. */
import { type ClientBase, type CustomTypesConfig, types } from 'pg';

export interface SessionOptions {
  readonly statementTimeoutMs: number;
  /** The least time in which the server must answer. */
  readonly limitMs: number;
}

/** A transaction whose process hangs gives its locks back after this, the one of all submits above all; between two statements it needs microseconds. */
export const idleTransactionTimeoutMs = 5_000;

/** The server reports these to its client, and pgbouncer keeps them for each client, in its transaction mode too. */
const reportedSettings = { client_encoding: 'UTF8', DateStyle: 'ISO', standard_conforming_strings: 'on' };

/** Through a pooler these would become other clients' settings. */
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

/** Settings that this version of Postgres does not have are left out. */
const setAll = (settings: Readonly<Record<string, string | number>>, condition: string): string =>
  `select set_config(name, value, false) from pg_settings join (values ${rowsOf(settings)}) as wanted (name, value) using (name) where ${condition}`;

/**
 * Two round trips for a new connection. Settings of startup would do the same, but pgbouncer refuses most of them. A pooler shows itself by
 * a process id that is not the server's.
 */
export async function prepareSession(client: ClientBase, options: SessionOptions): Promise<void> {
  const { statementTimeoutMs, limitMs } = options;
  const { processID } = client as unknown as { readonly processID: number | null };
  const isDirect = `pg_backend_pid() = ${Number(processID)}`;
  const run = async (text: string): Promise<void> => {
    // pg takes this setting for one query, and its types leave it out.
    const statement = { text, query_timeout: limitMs };
    await client.query(statement);
  };
  // Alone: the role's own timeout counts for a whole message, and this one takes microseconds.
  await run(`select set_config('statement_timeout', '${statementTimeoutMs}', false) where ${isDirect}`);
  await run(`${setAll(reportedSettings, 'true')}; ${setAll(sessionSettings, isDirect)}`);
}

/** ISO, as any DateStyle with other words or another order would be guessed wrong. */
const isoTime = /^\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d/;

function parseTime(text: string): Date {
  if (!isoTime.test(text)) throw new Error('The session has a DateStyle that is not ISO, although it was set.');
  return types.getTypeParser(types.builtins.TIMESTAMPTZ)(text) as Date;
}

/** Counts, turns, seeds and record ids are bigint, and far below 2^53. */
export const columnParsers: CustomTypesConfig = {
  getTypeParser(oid, format) {
    if (oid === types.builtins.INT8) return Number;
    if (oid === types.builtins.TIMESTAMPTZ) return parseTime;
    return types.getTypeParser(oid, format);
  },
};
