/** `/livez` and `/readyz` of a worker process, for whoever watches it. */
import { createServer } from 'node:http';
import type { Worker } from './create-worker.ts';

export interface ProbeServerOptions {
  readonly worker: Worker;
  readonly host: string;
  readonly port: number;
}

export interface ProbeServer {
  stop(): Promise<void>;
}

/** @throws when the port is taken */
export async function startProbeServer({ worker, host, port }: ProbeServerOptions): Promise<ProbeServer> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    const isReady = path === '/livez' || (path === '/readyz' && worker.isReady());
    const status = isReady ? 200 : path === '/readyz' ? 503 : 404;
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ status: isReady ? 'ok' : status === 503 ? 'not ready' : 'not found' }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
