/** The session that hints and wake-ups need, whatever the role or the database has set: none of its timeouts ends what waits on purpose. */
import type { ClientBase } from 'pg';

const otherTimeouts = [
  'lock_timeout',
  'transaction_timeout',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
];

/** Behind a pooler, whose process id is not the server's, nothing is set: it would become other clients' setting. */
export async function prepareSession(client: ClientBase): Promise<void> {
  const { processID } = client as unknown as { readonly processID: number | null };
  const isDirect = `pg_backend_pid() = ${Number(processID)}`;
  // Alone: the role's own timeout counts for a whole message, and this one takes microseconds.
  await client.query(`select set_config('statement_timeout', '0', false) where ${isDirect}`);
  const names = otherTimeouts.map((name) => `'${name}'`).join(', ');
  await client.query(`select set_config(name, '0', false) from pg_settings where name in (${names}) and ${isDirect}`);
}
