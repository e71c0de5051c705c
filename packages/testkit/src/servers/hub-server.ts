/**
 * An HTTP server with the paths of the Hugging Face hub, which serves folders as repositories, with faults on demand.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** A fault in a download of a file. */
export type HubFault =
  /** The connection breaks halfway. */
  | 'cut'
  /** The right number of bytes with other values. */
  | 'corrupt'
  | 'server-error'
  /** Half of the bytes arrive, and the connection hangs. */
  | 'stall';

export interface HubServer {
  /** The value of HF_ENDPOINT. */
  readonly url: string;
  /** Requests, such as "HEAD /acme/tiny/resolve/main/config.json". */
  readonly requests: readonly string[];
  /** Makes the next `count` downloads of a file fail in this way. */
  breakNext(path: string, fault: HubFault, count: number): void;
  /** Leaves all requests unanswered until it is called with false. */
  setSilent(isSilent: boolean): void;
  /** Idempotent. */
  readonly stop: () => Promise<void>;
}

export interface HubServerOptions {
  /** Folders by repository id. */
  readonly repositories: Readonly<Record<string, string>>;
  /** The commit of every revision. */
  readonly commit: string;
}

const resolvePath = /^\/(?<id>[^/]+\/[^/]+)\/resolve\/(?<revision>[^/]+)\/(?<path>.+)$/;
const storagePath = /^\/storage\/(?<id>[^/]+\/[^/]+)\/(?<path>.+)$/;

export async function startHubServer({ repositories, commit }: HubServerOptions): Promise<HubServer> {
  const requests: string[] = [];
  const faults = new Map<string, { fault: HubFault; count: number }>();
  let isSilent = false;
  const server = createServer((request, response) => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    if (!isSilent) void answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = resolvePath.exec(request.url ?? '')?.groups;
    const stored = storagePath.exec(request.url ?? '')?.groups;
    const { id = '', path = '' } = asked ?? stored ?? {};
    const folder = repositories[id];
    if (folder === undefined) {
      // The hub does not tell a private repository from a missing one.
      response.writeHead(401, { 'X-Error-Code': 'RepoNotFound' }).end();
      return;
    }
    const bytes = await readFile(join(folder, path)).catch(() => null);
    if (bytes === null) {
      response.writeHead(404, { 'X-Error-Code': 'EntryNotFound' }).end();
      return;
    }
    const isLarge = /\.(?:onnx|safetensors)$/.test(path);
    if (isLarge && asked !== undefined) {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      response.writeHead(302, {
        Location: `http://127.0.0.1:${port}/storage/${id}/${path}`,
        'X-Linked-Size': bytes.length,
        'X-Linked-Etag': `"${sha256}"`,
        'X-Repo-Commit': commit,
      });
      response.end();
      return;
    }
    const fault = request.method === 'GET' ? takeFault(path) : null;
    if (fault === 'server-error') {
      response.writeHead(503).end();
      return;
    }
    response.writeHead(200, { 'Content-Length': bytes.length, ETag: '"0123456789"', 'X-Repo-Commit': commit });
    if (request.method === 'HEAD') {
      response.end();
    } else if (fault === 'corrupt') {
      response.end(Buffer.alloc(bytes.length, 'x'));
    } else if (fault === null) {
      createReadStream(join(folder, path)).pipe(response);
    } else {
      response.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => {
        if (fault === 'cut') response.destroy();
      });
    }
  }

  function takeFault(path: string): HubFault | null {
    const entry = faults.get(path);
    if (entry === undefined || entry.count === 0) return null;
    entry.count -= 1;
    return entry.fault;
  }

  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    breakNext: (path, fault, count) => void faults.set(path, { fault, count }),
    setSilent: (value) => {
      isSilent = value;
    },
    stop: async () =>
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
