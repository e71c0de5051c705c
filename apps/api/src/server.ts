/** The HTTP server around an API: listens, and stops without cutting anybody off. */
import type { Server } from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createAdaptorServer } from '@hono/node-server';
import type { Logger } from '@prosemill/core';
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
   * Not ready, an answer for everybody who waits, a refusal for whoever sends a request for another moment; then no new connections, and
   * those without a request are closed. What is still busy after `deadlineMs` is cut.
   */
  stop(deadlineMs: number): Promise<void>;
}

/**
 * How long a process that stops still answers what is sent to it: clients that were just about to connect, or to use a connection that is
 * open, hear that they have to go elsewhere. Without it the kernel resets them, and they cannot know why.
 */
const lingerMs = 500;

/** @throws when the port is taken or the address is not this machine's */
export async function startServer({ api, host, port, logger }: ServerOptions): Promise<ApiServer> {
  const server = createAdaptorServer({ fetch: api.app.fetch, hostname: host }) as Server;
  const closeConnections = trackConnections(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const url = urlOf(server.address() as AddressInfo);
  logger.info({ url }, 'the API listens');

  return {
    url,
    async stop(deadlineMs) {
      api.beginShutdown();
      const cut = setTimeout(() => server.closeAllConnections(), deadlineMs);
      await delay(Math.min(lingerMs, deadlineMs / 2));
      await new Promise<void>((resolve) => {
        // `http.Server` would cut an answer that is not sent yet.
        NetServer.prototype.close.call(server, () => resolve());
        closeConnections();
      });
      clearTimeout(cut);
    },
  };
}

/** @returns a function that closes each connection, once no request is answered or arriving on it and all is sent */
function trackConnections(server: Server): () => void {
  const connections = new Map<Socket, { answering: number; bytesDone: number }>();
  let isClosing = false;
  server.on('connection', (socket) => {
    connections.set(socket, { answering: 0, bytesDone: 0 });
    socket.once('close', () => connections.delete(socket));
  });
  server.on('request', ({ socket }, response) => {
    const connection = connections.get(socket);
    if (connection === undefined) return;
    connection.answering += 1;
    response.once('close', () => {
      connection.answering -= 1;
      connection.bytesDone = socket.bytesRead;
      if (isClosing && connection.answering === 0) socket.destroySoon();
    });
  });
  return function closeConnections() {
    isClosing = true;
    for (const [socket, { answering, bytesDone }] of connections) {
      if (answering === 0 && socket.bytesRead === bytesDone) socket.destroySoon();
    }
  };
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
