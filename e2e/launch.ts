/** Starts and stops the processes of the service as an operator would. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

export type Program =
  | 'apps/api/src/main.ts'
  | 'apps/worker/src/main.ts'
  | 'apps/standalone/src/main.ts'
  | 'apps/api/src/commands/migrate.ts'
  | 'apps/api/src/migrate.ts'
  | 'apps/standalone/src/generate.ts';

export type Environment = Readonly<Record<string, string>>;

type LogLine = Readonly<Record<string, unknown>>;

/** A process of the service, with parsed log lines. */
export class LoggedProcess {
  readonly child: ChildProcess;
  readonly log: LogLine[] = [];
  /** Its output besides log lines, including standard error. */
  output = '';
  readonly #exit: Promise<number | null>;
  readonly #listeners = new Set<() => void>();

  /** @param child  A process with its output in pipes. */
  constructor(child: ChildProcess) {
    this.child = child;
    this.#exit = once(this.child, 'close').then(([code]) => {
      this.#changed();
      return code as number | null;
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => this.#add(line));
    }
  }

  /** Resolves with the first log line, past or future, that has these fields. */
  async logged(fields: LogLine): Promise<LogLine> {
    for (;;) {
      const found = this.log.find((line) => Object.entries(fields).every(([name, value]) => line[name] === value));
      if (found !== undefined) return found;
      if (this.child.exitCode !== null)
        throw new Error(`The process ended with ${this.child.exitCode}.\n${this.transcript()}`);
      await new Promise<void>((resolve) => this.#listeners.add(resolve));
    }
  }

  /** Sends a signal and resolves with the exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.kill(signal);
    return await this.#exit;
  }

  /** Resolves with the exit code of a process that ends by itself. */
  async ended(): Promise<number | null> {
    return await this.#exit;
  }

  transcript(): string {
    return [...this.log.map((line) => JSON.stringify(line)), this.output].join('\n');
  }

  /** Sends a signal to the service itself, not to a program that started it. */
  protected async kill(signal: NodeJS.Signals): Promise<void> {
    this.child.kill(signal);
  }

  #add(line: string): void {
    if (line.startsWith('{')) this.log.push(JSON.parse(line) as LogLine);
    else this.output += `${line}\n`;
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }
}

export interface ServiceProcessOptions {
  /** Arguments of the command line; default: none. */
  readonly args?: readonly string[];
  /** The checkout to run; default: this one. */
  readonly checkout?: string;
}

/** The compiled sources, for the processes of all tests: half of the start of a process was their compilation. */
const codeFolder = join(tmpdir(), 'prosemill-test-code');

/** A process that runs from the sources, like `pnpm start`. */
export class ServiceProcess extends LoggedProcess {
  constructor(program: Program, environment: Environment, { args = [], checkout = root }: ServiceProcessOptions = {}) {
    super(
      spawn(process.execPath, [program, ...args], {
        cwd: checkout,
        env: {
          PATH: process.env['PATH'],
          HOME: process.env['HOME'],
          NODE_COMPILE_CACHE: codeFolder,
          LOG_PRETTY: 'false',
          ...environment,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
  }
}

/** The service in one of its sizes. */
export interface Service {
  readonly url: string;
  readonly processes: readonly LoggedProcess[];
  /** Sends this signal to all processes, and resolves with the exit codes. */
  stop(signal?: NodeJS.Signals): Promise<readonly (number | null)[]>;
}

/** Free ports, the shipped model, and one text at a time, so that a second one waits. */
export const testEnvironment: Environment = {
  PORT: '0',
  WORKER_PORT: '0',
  MODEL: 'shipped',
  MODEL_DIR: join(tmpdir(), 'prosemill-test-models'),
  WORKERS: '1',
};

/** Starts everything in one process. */
export async function launchStandalone(environment: Environment): Promise<Service> {
  const standalone = new ServiceProcess('apps/standalone/src/main.ts', { ...testEnvironment, ...environment });
  return await whenListening([standalone], standalone);
}

/** Migrates the database, then starts the API and a worker as separate processes. */
export async function launchSeparate(environment: Environment): Promise<Service> {
  await migrateDatabase(environment);
  return await startSeparate(environment);
}

export async function migrateDatabase(environment: Environment, options: ServiceProcessOptions = {}): Promise<void> {
  // The version of the upgrade tests has it there.
  const program = options.checkout === undefined ? 'apps/api/src/commands/migrate.ts' : 'apps/api/src/migrate.ts';
  const code = await new ServiceProcess(program, environment, options).ended();
  if (code !== 0) throw new Error(`The migration ended with ${code}.`);
}

/** Starts the API and a worker on an existing schema. */
export async function startSeparate(environment: Environment): Promise<Service> {
  const api = new ServiceProcess('apps/api/src/main.ts', { ...testEnvironment, ...environment });
  const worker = new ServiceProcess('apps/worker/src/main.ts', { ...testEnvironment, ...environment });
  return await whenListening([api, worker], api);
}

/** @param api  The process among them that listens. */
export async function whenListening(processes: readonly LoggedProcess[], api: LoggedProcess): Promise<Service> {
  const { url } = await api.logged({ msg: 'the API listens' });
  return {
    url: String(url),
    processes,
    stop: async (signal) => await Promise.all(processes.map(async (process) => await process.stop(signal))),
  };
}
