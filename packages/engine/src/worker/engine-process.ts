/** The worker's side of the engine's process: starts it, watches it, and kills it when it hangs. */
import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Readable } from 'node:stream';
import type { Logger } from '@prosemill/core';
import { childEnvironment } from './child-environment.ts';
import type { FromChild, LoadMessage, ToChild } from '../process/messages.ts';

export interface EngineProcessOptions {
  readonly logger: Logger;
  /** The folder of compiled code. Without it, half of the time until the process can load a model is compiling. */
  readonly codeDir: string;
  /** The threads of `batched`, which start with the process. */
  readonly threads: number;
  /** A process is killed when it is silent for this long; while it loads the model, for ten times as long. */
  readonly hangLimitMs: number;
  readonly onMessage: (message: FromChild) => void;
  /** Called once when the process has ended, whatever the reason. */
  readonly onExit: (reason: string) => void;
}

const entry = fileURLToPath(new URL('../process/main.ts', import.meta.url));
/** Unanswered pings are counted, not timed, so that a worker that froze itself does not kill its engine. */
const pingsPerLimit = 6;
/**
 * A load may make no progress for this many limits. With the default, these 5 minutes suffice to read 6 GB, the
 * weights of the largest GPT-2, from a disk that reads 20 MB a second. Each step of progress starts the time again; a
 * load has a limited number of them. One limit for the whole load would be too short for preparing a large model in
 * int8. A download does not count: it runs in the worker.
 */
const limitsPerLoad = 10;
/** The grace period before SIGKILL. A process ends at once when it is told to, except during a step. */
const endLimitMs = 2_000;

export class EngineProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #hangLimitMs: number;
  #pings: NodeJS.Timeout | undefined;
  #isLoaded = false;
  /** The number of pings since the last message of the process. */
  #unanswered = 0;
  #isHanging = false;

  /** Starts the process, which gets ready for a load meanwhile. */
  constructor({ logger, codeDir, threads, hangLimitMs, onMessage, onExit }: EngineProcessOptions) {
    this.#hangLimitMs = hangLimitMs;
    this.#child = fork(entry, [String(threads)], {
      serialization: 'advanced',
      // Flags of this process, such as a debugger's port, must not apply to the child.
      execArgv: [],
      env: { NODE_COMPILE_CACHE: codeDir, ...childEnvironment() },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    // Standard output carries the worker's log, so the output of libraries becomes lines of that log.
    forwardLines(this.#child.stdout, (line) => logger.info({ line }, 'output of the engine process'));
    forwardLines(this.#child.stderr, (line) => logger.warn({ line }, 'output of the engine process'));
    this.#child.on('message', (message) => {
      this.#unanswered = 0;
      if ((message as FromChild).type === 'loaded') this.#isLoaded = true;
      onMessage(message as FromChild);
    });
    this.#exited = new Promise((resolve) => {
      const gone = (how: string): void => {
        clearInterval(this.#pings);
        resolve();
        onExit(`the engine process ${this.#isHanging ? `${this.#hangReason()} and ` : ''}${how}`);
      };
      this.#child.once('exit', (code, signal) =>
        gone(signal === null ? `ended with code ${code}` : `was ended by ${signal}`),
      );
      this.#child.on('error', (error) => {
        if (this.#child.pid === undefined) gone(`could not be started: ${error.message}`);
        // A message to a process that has just died fails; its exit event follows.
        else logger.debug({ reason: error.message }, 'the engine process does not take messages');
      });
    });
  }

  /** Loads the model. From here on the process is killed when it hangs. */
  load(message: LoadMessage): void {
    this.send(message);
    if (this.#child.connected) this.#pings = setInterval(() => this.#watch(), this.#hangLimitMs / pingsPerLimit);
  }

  send(message: ToChild): void {
    if (this.#child.connected) this.#child.send(message);
  }

  #watch(): void {
    this.#isHanging = this.#unanswered >= pingsPerLimit * (this.#isLoaded ? 1 : limitsPerLoad);
    if (this.#isHanging) this.#child.kill('SIGKILL');
    this.#unanswered += 1;
    // A loading process is not pinged: answers between two of its steps would hide that it makes no progress.
    if (this.#isLoaded) this.send({ type: 'ping' });
  }

  #hangReason(): string {
    const limitSeconds = this.#hangLimitMs / 1_000;
    return this.#isLoaded
      ? `was silent for ${limitSeconds} s`
      : `got no further with loading the model for ${limitsPerLoad * limitSeconds} s`;
  }

  /** Ends the process and waits until it is gone. Idempotent. */
  async end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const cut = setTimeout(() => this.#child.kill('SIGKILL'), endLimitMs);
    await this.#exited;
    clearTimeout(cut);
  }
}

function forwardLines(stream: Readable | null, onLine: (line: string) => void): void {
  if (stream !== null) createInterface({ input: stream }).on('line', onLine);
}
