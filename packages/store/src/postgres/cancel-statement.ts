/** CancelRequest: ends a statement on the server. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Client } from 'pg';

/** A reachable server answers within this time. */
const cancelLimitMs = 1_000;
/** @see Postgres manual, message formats, CancelRequest */
const cancelRequestCode = 80_877_102;

/** Fields of pg's client that its types lack. */
interface ServerSession {
  readonly processID: number | null;
  readonly secretKey: number | null;
}

/**
 * Cancels the statement that the client runs: sends a CancelRequest on a new connection, without TLS as libpq does.
 * Works through pgbouncer in all of its modes. A `statement_timeout` of the session would not: pgbouncer refuses it, or
 * applies it to other clients. Takes at most a second. Never throws.
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
  // The server sends no answer: it closes the connection.
  socket.resume();
  await once(socket, 'close');
  clearTimeout(limit);
}
