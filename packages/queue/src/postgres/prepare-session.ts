/** Switches off the timeouts of a session, whatever role and database set: its connections are idle on purpose. */
import type { ClientBase } from 'pg';

const otherTimeouts = [
  'lock_timeout',
  'transaction_timeout',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
];

/** Sets nothing behind a pooler, whose process id is not the server's: the settings would reach other clients. */
export async function prepareSession(client: ClientBase): Promise<void> {
  const { processID } = client as unknown as { readonly processID: number | null };
  const isDirect = `pg_backend_pid() = ${Number(processID)}`;
  // In a message of its own: the role's timeout holds for a whole message, and this one takes microseconds.
  await client.query(`select set_config('statement_timeout', '0', false) where ${isDirect}`);
  const names = otherTimeouts.map((name) => `'${name}'`).join(', ');
  await client.query(`select set_config(name, '0', false) from pg_settings where name in (${names}) and ${isDirect}`);
}
