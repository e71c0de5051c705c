/** The HTTP server of an API: it listens, bounds slow clients, and stops gracefully. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { listen, type Logger } from '@prosemill/core';
import { answerBadRequest, answerClientError, answerConnect, answerRefused, unmetExpectation } from './client-error.ts';
import { type ConnectionLimits, trackConnections } from './connections.ts';
import type { Api } from '../create-api.ts';
import { answerHalfClosed } from './half-closed.ts';
import { checkHead } from './request-head.ts';

export interface ServerLimits extends ConnectionLimits {
  /** From the connection, or the end of the last request, to the end of the headers. */
  readonly headersTimeoutMs: number;
  /** To the end of the body. The wait for an answer does not count. */
  readonly requestTimeoutMs: number;
}

export interface ServerOptions {
  readonly api: Api;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly logger: Logger;
  /** Shorter limits, for tests. */
  readonly limits?: Partial<ServerLimits>;
}

export interface ApiServer {
  /** The address it listens on, such as `http://127.0.0.1:8000`. */
  readonly url: string;
  /**
   * Makes the API not ready: waiting requests are answered, new ones are refused. When no more come, the port and idle
   * connections are closed. Connections that are still busy `deadlineMs` later are cut.
   */
  stop(deadlineMs: number): Promise<void>;
}

const defaultLimits: ServerLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  answerTimeoutMs: 30_000,
  maxUnsentBytes: 64 * 1_024 * 1_024,
  maxConnections: 10_000,
};
/** Longer than that of proxies, usually 60 s: else a proxy would send requests on connections that are just closing. */
const keepAliveTimeoutMs = 75_000;
const maxHeaderBytes = 16 * 1_024;
/** How often Node checks for requests that take too long. */
const timeoutCheckMs = 1_000;

/** The longest wait for clients to stop coming. */
const quietLimitMs = 1_000;

/** @throws when the port is taken or the address is not this machine's */
export async function startServer({ api, host, port, logger, limits: given }: ServerOptions): Promise<ApiServer> {
  const limits = { ...defaultLimits, ...given };
  let held: Promise<void> | null = null;
  const listener = getRequestListener(
    async (...request: Parameters<Api['app']['fetch']>) => {
      const answer = await api.app.fetch(...request);
      await held;
      return answer;
    },
    // The host of HTTP/1.0 requests without a Host line.
    { hostname: 'localhost', errorHandler: answerBadRequest },
  ) as RequestListener;
  const server: Server = createServer(
    {
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(timeoutCheckMs, limits.headersTimeoutMs),
      maxHeaderSize: maxHeaderBytes,
      // `checkHead` refuses requests without it: Node's own answer is no problem document.
      requireHostHeader: false,
    },
    (request, response) => {
      const refusal = checkHead(request);
      connections.admit(response, () => {
        if (refusal === null) listener(request, response);
        else answerRefused(refusal, response);
      });
    },
  );
  // Only the size of headers is bounded: beyond a maximum number Node silently drops them.
  server.maxHeadersCount = 0;
  const connections = trackConnections(server, limits, (cut) => {
    logger.warn({ connections: cut }, 'clients did not read their answers');
    api.countUnread(cut);
  });
  answerHalfClosed(server, connections);
  server.on('checkExpectation', (_request, response) => {
    connections.admit(response, () => answerRefused(unmetExpectation(), response));
  });
  server.on('connect', (_request, socket: Socket) => {
    // Node has removed its own listener.
    socket.on('error', () => socket.destroy());
    connections.refuse(socket, () => answerConnect(socket));
  });
  server.on('clientError', (error, socket: Socket) => {
    connections.refuse(socket, () => answerClientError(error, socket));
  });
  await listen(server, { host, port, portName: 'PORT' });
  const url = urlOf(server.address() as AddressInfo);
  logger.info({ url }, 'the API listens');

  return {
    url,
    async stop(deadlineMs) {
      // The kernel resets connections that come as the port closes, and requests that come as their connection closes:
      // the client cannot know whether its request was obeyed. A client that waits for its answer sends nothing, so the
      // answers are held until the port and the idle connections are closed.
      const { promise, resolve: release } = Promise.withResolvers<void>();
      held = promise;
      api.beginShutdown();
      await connections.untilQuiet(Math.min(quietLimitMs, deadlineMs / 2));
      const closed = new Promise<void>((resolve) => {
        // `http.Server.close` would cut an answer that is not sent yet.
        NetServer.prototype.close.call(server, () => resolve());
      });
      await connections.closeUnused();
      release();
      const cut = setTimeout(() => server.closeAllConnections(), deadlineMs);
      await closed;
      connections.stop();
      clearTimeout(cut);
    },
  };
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
