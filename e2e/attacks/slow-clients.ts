/** Clients that cost a server as much as they can for as little as they can: each opens the next connection when one is closed. */
import { connect, type Socket } from 'node:net';

/** What a connection says at first, and what it adds, a byte a second, for as long as it may. */
interface SlowClient {
  readonly opening: string;
  readonly drip: string;
  /** Whether it takes what it gets. */
  readonly reads: boolean;
}

export interface SlowClients {
  /** Connections that are open. */
  count(): number;
  /** How many were closed by the server, as far as their clients know. */
  closed(): number;
  stop(): void;
}

export interface SlowClientOptions {
  readonly url: string;
  /** Of each sort. */
  readonly connectionsEach: number;
  /** Who sends bodies: the n-th connection with this. */
  readonly authorization: (index: number) => string;
}

const dripMs = 1_000;
/** What costs the server most for one line of request. */
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
      // Belongs to no request; it is how the client hears that the connection is gone.
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
