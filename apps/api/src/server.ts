/** The HTTP server around an API: listens, and stops without cutting anybody off. */
import type { Server } from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { createAdaptorServer } from '@hono/node-server';
import { type Logger, settleWithin } from '@prosemill/core';
import type { Api } from './create-api.ts';

export interface ServerOptions {
  readonly api: Api;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly logger: Logger;
}

export interface ApiServer {
  /** Where it listens, such as `http://127.0.0.1:8000`. */
  readonly url: string;
  /**
   * Not ready, an answer for everybody who waits, a refusal for whoever sends a request; as soon as nobody comes any more, no new
   * connections, and those without a request are closed. What is still busy after `deadlineMs` is cut.
   */
  stop(deadlineMs: number): Promise<void>;
}

/** Nobody comes any more when nobody has for so long. */
const quietMs = 200;
/** Clients that never stop coming are not waited for longer than this. */
const quietLimitMs = 1_000;
/** What clients get to close their side of a connection that is closed. */
const goodbyeMs = 100;

/** @throws when the port is taken or the address is not this machine's */
export async function startServer({ api, host, port, logger }: ServerOptions): Promise<ApiServer> {
  let held: Promise<void> | null = null;
  const server = createAdaptorServer({
    async fetch(...request: Parameters<Api['app']['fetch']>) {
      const answer = await api.app.fetch(...request);
      await held;
      return answer;
    },
    hostname: host,
  }) as Server;
  const connections = trackConnections(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const url = urlOf(server.address() as AddressInfo);
  logger.info({ url }, 'the API listens');

  return {
    url,
    async stop(deadlineMs) {
      const cut = setTimeout(() => server.closeAllConnections(), deadlineMs);
      // The kernel resets connections that come as the port closes, and requests that meet the end of their connection: their clients
      // cannot know what became of them. Who waits for an answer sends nothing else; so the answers go out when both are closed.
      const { promise, resolve: release } = Promise.withResolvers<void>();
      held = promise;
      api.beginShutdown();
      await connections.untilQuiet(Math.min(quietLimitMs, deadlineMs / 2));
      const closed = new Promise<void>((resolve) => {
        // `http.Server` would cut an answer that is not sent yet.
        NetServer.prototype.close.call(server, () => resolve());
      });
      await connections.closeUnused();
      release();
      await closed;
      clearTimeout(cut);
    },
  };
}

interface Connection {
  answering: number;
  bytesDone: number;
  /** When it was opened, or last had an answer. */
  unusedSince: number;
}

interface Connections {
  /** Resolves when no connection and no request has come for `quietMs`; in about `limitMs` at the latest. */
  untilQuiet(limitMs: number): Promise<void>;
  /**
   * Closes each connection, once no request is answered or arriving on it and all is sent.
   * @returns a promise of the moment when clients know, of the connections that nobody has used lately
   */
  closeUnused(): Promise<void>;
}

function trackConnections(server: Server): Connections {
  const connections = new Map<Socket, Connection>();
  let isClosing = false;
  let arrivals = 0;
  let lastArrivalAt = 0;
  function noteArrival(): void {
    arrivals += 1;
    lastArrivalAt = performance.now();
  }
  server.on('connection', (socket) => {
    noteArrival();
    connections.set(socket, { answering: 0, bytesDone: 0, unusedSince: lastArrivalAt });
    socket.once('close', () => connections.delete(socket));
  });
  server.on('request', ({ socket }, response) => {
    noteArrival();
    const connection = connections.get(socket);
    if (connection === undefined) return;
    connection.answering += 1;
    response.once('close', () => {
      connection.answering -= 1;
      connection.bytesDone = socket.bytesRead;
      connection.unusedSince = performance.now();
      if (isClosing && connection.answering === 0) socket.destroySoon();
    });
  });

  return {
    async untilQuiet(limitMs) {
      noteArrival();
      const limit = lastArrivalAt + limitMs;
      const lastLimit = limit + quietMs;
      for (let seen = -1; seen !== arrivals && performance.now() < lastLimit;) {
        const waitMs = Math.min(lastArrivalAt + quietMs, limit) - performance.now();
        if (waitMs > 0) await delay(waitMs);
        else seen = arrivals;
        // A turn of the loop takes one connection from the kernel's queue: the port closes after a turn that found none.
        await nextTurn();
      }
    },
    async closeUnused() {
      isClosing = true;
      await Promise.all([...connections].map(async ([socket, connection]) => await closeIfUnused(socket, connection)));
    },
  };
}

/** On one that was used a moment ago the next request may be on its way. */
async function closeIfUnused(socket: Socket, connection: Connection): Promise<void> {
  if (connection.answering > 0 || socket.bytesRead !== connection.bytesDone) return;
  const youngMs = connection.unusedSince + quietMs - performance.now();
  if (youngMs > 0) {
    setTimeout(() => void closeIfUnused(socket, connection), Math.ceil(youngMs));
    return;
  }
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.end();
  await settleWithin(goodbyeMs, closed);
  socket.destroySoon();
}
function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
