/** `/livez`, `/readyz` and `/metrics` of a worker process, for its supervisor and for Prometheus. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { errorLine, listen } from '@prosemill/core';
import type { Metrics } from '@prosemill/telemetry';
import type { Worker } from './create-worker.ts';

export interface ProbeServerOptions {
  readonly worker: Worker;
  readonly metrics: Metrics;
  readonly host: string;
  readonly port: number;
}

export interface ProbeServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** @throws when the port is taken */
export async function startProbeServer({ worker, metrics, host, port }: ProbeServerOptions): Promise<ProbeServer> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    if (path === '/metrics') {
      metrics.read().then(
        (body) => response.writeHead(200, { 'Content-Type': metrics.contentType }).end(body),
        (error: unknown) => answer(response, 500, errorLine(error)),
      );
      return;
    }
    if (path === '/livez' || (path === '/readyz' && worker.isReady())) answer(response, 200, 'ok');
    else if (path === '/readyz') answer(response, 503, 'not ready');
    else answer(response, 404, 'not found');
  });
  await listen(server, { host, port, portName: 'WORKER_PORT' });
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function answer(response: ServerResponse, code: number, status: string): void {
  response.writeHead(code, { 'Content-Type': 'application/json' }).end(JSON.stringify({ status }));
}
