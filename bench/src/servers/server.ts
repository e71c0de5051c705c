/** Servers of texts, each in processes of its own. */
import { once } from 'node:events';
import { mkdir, open } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { dirname } from 'node:path';
import { startGroup } from '../process-group.ts';

export interface Server {
  readonly url: string;
  /** Stops the processes until `resume`, so that they leave the cores to another server. */
  suspend(): void;
  resume(): void;
  /** One of its programs has ended by itself. */
  hasEnded(): boolean;
  stop(): Promise<void>;
}

export interface ServerProgram {
  readonly program: string;
  /** The arguments of a server that listens on this port of 127.0.0.1. */
  readonly argsFor: (port: string) => readonly string[];
  /** The file for the output of the program. */
  readonly logFile: string;
}

/** Starts the program on a free port. It loads its model afterwards. */
export async function launchServer({ program, argsFor, logFile }: ServerProgram): Promise<Server> {
  await mkdir(dirname(logFile), { recursive: true });
  const log = await open(logFile, 'w');
  const port = await findFreePort();
  const group = await startGroup(program, argsFor(port), { stdio: ['ignore', log.fd, log.fd] });
  await log.close();
  return {
    url: `http://127.0.0.1:${port}`,
    suspend: () => group.suspend(),
    resume: () => group.resume(),
    hasEnded: () => group.hasEnded(),
    stop: async () => await group.end(),
  };
}

async function findFreePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return String(port);
}
