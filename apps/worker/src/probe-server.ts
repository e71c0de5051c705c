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
  /** The port on which it listens. */
  readonly port: number;
  stop(): Promise<void>;
}

/** @throws when the port is taken */
export async function startProbeServer({ worker, metrics, host, port }: ProbeServerOptions): Promise<ProbeServer> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    if (path === '/metrics') {
      metrics.read().then(
        (body) => answer(response, { status: 200, type: metrics.contentType, body }),
        (error: unknown) => answerStatus(response, 500, errorLine(error)),
      );
      return;
    }
    if (path === '/livez' || (path === '/readyz' && worker.isReady())) answerStatus(response, 200, 'ok');
    else if (path === '/readyz') answerStatus(response, 503, 'not ready');
    else answerStatus(response, 404, 'not found');
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

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

function answer(response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, { 'Content-Type': type });
  response.end(body);
}

function answerStatus(response: ServerResponse, status: number, text: string): void {
  answer(response, { status, type: 'application/json', body: JSON.stringify({ status: text }) });
}
