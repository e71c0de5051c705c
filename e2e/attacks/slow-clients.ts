/** Clients that cost a server much and themselves little. Each reconnects when its connection is closed. */
import { connect, type Socket } from 'node:net';

/** The first bytes of a connection, and the bytes that follow once a second. */
interface SlowClient {
  readonly opening: string;
  readonly drip: string;
  /** Whether the client reads its answers. */
  readonly reads: boolean;
}

export interface SlowClients {
  /** The number of open connections. */
  count(): number;
  /** The number of connections that the server closed, as far as their clients know. */
  closed(): number;
  stop(): void;
}

export interface SlowClientOptions {
  readonly url: string;
  /** The number of connections of each kind. */
  readonly connectionsEach: number;
  /** The `Authorization` header of the n-th connection that sends a body. */
  readonly authorization: (index: number) => string;
}

const dripMs = 1_000;
/** The routes with the largest answers. */
const largestPaths = ['/docs/scalar.js', '/openapi.json'] as const;

export function startSlowClients({ url, connectionsEach, authorization }: SlowClientOptions): SlowClients {
  const sorts: readonly ((index: number) => SlowClient)[] = [
    () => ({ opening: `GET /health HTTP/1.1\r\nHost: ${hostOf(url)}\r\nX-Slow: `, drip: 'x', reads: true }),
    (index) => ({
      opening: `POST /jobs HTTP/1.1\r\nHost: ${hostOf(url)}\r\nContent-Type: application/json\r\nAuthorization: ${authorization(index)}\r\nContent-Length: 1000\r\n\r\n{"prompt":"`,
      drip: 'x',
      reads: true,
    }),
    (index) => ({
      opening: `GET ${largestPaths[index % largestPaths.length]} HTTP/1.1\r\nHost: ${hostOf(url)}\r\n\r\n`,
      // Belongs to no request. A failed write tells the client that the connection is gone.
      drip: '\r\n',
      reads: false,
    }),
    () => ({ opening: '', drip: '', reads: true }),
  ];
  const open = new Set<Socket>();
  let closed = 0;
  let isStopping = false;

  function launch(client: SlowClient): void {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname, () => socket.write(client.opening));
    if (client.reads) socket.resume();
    else socket.pause();
    open.add(socket);
    const dripping = setInterval(() => socket.write(client.drip), dripMs);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      clearInterval(dripping);
      open.delete(socket);
      if (isStopping) return;
      closed += 1;
      launch(client);
    });
  }

  for (let index = 0; index < connectionsEach; index += 1) for (const sort of sorts) launch(sort(index));
  return {
    count: () => [...open].filter((socket) => !socket.connecting).length,
    closed: () => closed,
    stop() {
      isStopping = true;
      for (const socket of open) socket.destroy();
    },
  };
}

const hostOf = (url: string): string => new URL(url).host;
