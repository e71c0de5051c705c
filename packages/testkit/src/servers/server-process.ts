/** A server as a child process whose output tells when it is ready. */
import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { childProcesses } from './child-processes.ts';

export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly options: SpawnOptions;
  /** This text appears on standard output or error once the server takes connections. */
  readonly readyText: string;
}

/** The length of the output that is kept for an error message, characters. */
const keptOutput = 4_000;

export class ServerProcess {
  readonly #command: ServerCommand;
  #child: ChildProcess | null = null;

  constructor(command: ServerCommand) {
    this.#command = command;
  }

  /** @throws an error with its last output when it ends before it is ready */
  async start(): Promise<void> {
    const { command, args, options, readyText } = this.#command;
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      let output = '';
      const onData = (data: Buffer) => {
        output = (output + data.toString()).slice(-keptOutput);
        if (output.includes(readyText)) resolve();
      };
      child.stdout?.on('data', onData);
      child.stderr?.on('data', onData);
      child.once('error', reject);
      child.once('exit', (code, signal) => reject(new Error(`${command} ended (${code ?? signal}): ${output}`)));
    });
  }

  /** Sends the signal and waits until the process is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === null || hasEnded(child)) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  /** Sends the signal to the process and its children. */
  signal(signal: NodeJS.Signals): void {
    const child = this.#child;
    if (child === null || hasEnded(child) || child.pid === undefined) return;
    for (const { pid } of childProcesses(child.pid)) signalIfThere(pid, signal);
    child.kill(signal);
  }
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ESRCH') throw error;
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

/** Below the ports that Linux gives to connections and to servers that ask for any, so that none of them takes it. */
const [firstPort, endPort] = [20_000, 32_768];

/** A TCP port of the loopback address that nothing listens on. */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer();
    const port = randomInt(firstPort, endPort);
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
