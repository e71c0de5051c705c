/** The HTTP server around an API: listens, and stops without cutting anybody off. */
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
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
   * Not ready, no new connections, an answer for everybody who waits; then closes. Connections that are still busy after
   * `deadlineMs` are cut.
   */
  stop(deadlineMs: number): Promise<void>;
}

/** @throws when the port is taken or the address is not this machine's */
export async function startServer({ api, host, port, logger }: ServerOptions): Promise<ApiServer> {
  const server = createAdaptorServer({ fetch: api.app.fetch, hostname: host }) as Server;
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
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const cut = setTimeout(() => server.closeAllConnections(), deadlineMs);
      await closed;
      clearTimeout(cut);
    },
  };
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
