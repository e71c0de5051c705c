/** Ends a statement on the server that nobody waits for any more. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Client } from 'pg';

/** A server that can be reached answers within this time. */
const cancelLimitMs = 1_000;
/** @see Postgres manual, message formats, CancelRequest */
const cancelRequestCode = 80_877_102;

/** Fields of pg's client that its types do not know. */
interface ServerSession {
  readonly processID: number | null;
  readonly secretKey: number | null;
}

/**
 * Sends a CancelRequest on a connection of its own, without TLS as libpq does. It works through pgbouncer in every mode, where a
 * `statement_timeout` of the session would be refused or become another client's. Never throws, and takes at most a second.
 */
export async function cancelStatement(client: Client): Promise<void> {
  const { processID, secretKey } = client as unknown as ServerSession;
  if (processID === null || secretKey === null) return;
  const { host, port } = client;
  const socket = host.startsWith('/') ? connect(join(host, `.s.PGSQL.${port}`)) : connect(port, host);
  socket.on('error', () => undefined);
  const limit = setTimeout(() => socket.destroy(), cancelLimitMs);
  const message = Buffer.alloc(16);
  for (const [index, value] of [message.length, cancelRequestCode, processID, secretKey].entries()) {
    message.writeInt32BE(value, index * 4);
  }
  socket.write(message);
  // The server answers nothing and closes.
  socket.resume();
  await once(socket, 'close');
  clearTimeout(limit);
}
