/** The engine's process as seen from the worker: started, watched, started again when it dies. */
import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Readable } from 'node:stream';
import { AppError, type Logger } from '@prosemill/core';
import { childEnvironment } from './child-environment.ts';
import type { FromChild, LoadMessage, ToChild } from './child/messages.ts';

export interface EngineProcessOptions {
  readonly load: LoadMessage;
  readonly logger: Logger;
  readonly onMessage: (message: FromChild) => void;
  /** It is gone, asked or not; called once. */
  readonly onExit: (error: AppError) => void;
}

const entry = fileURLToPath(new URL('child/main.ts', import.meta.url));
/** A process that is told to end does so at once, unless the model is in the middle of a step. */
const endLimitMs = 2_000;

export class EngineProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;

  constructor({ load, logger, onMessage, onExit }: EngineProcessOptions) {
    this.#child = fork(entry, {
      serialization: 'advanced',
      // Flags of this process, such as a debugger's port, are not for that one.
      execArgv: [],
      env: childEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    // Standard output is the worker's log: what a library prints there becomes a line of it.
    forwardLines(this.#child.stdout, (line) => logger.info({ line }, 'output of the engine process'));
    forwardLines(this.#child.stderr, (line) => logger.warn({ line }, 'output of the engine process'));
    this.#child.on('message', (message) => onMessage(message as FromChild));
    this.#exited = new Promise((resolve) => {
      const gone = (how: string): void => {
        resolve();
        onExit(new AppError('engine_unavailable', { message: `the engine process ${how}` }));
      };
      this.#child.once('exit', (code, signal) =>
        gone(signal === null ? `ended with code ${code}` : `was ended by ${signal}`),
      );
      this.#child.on('error', (error) => {
        if (this.#child.pid === undefined) gone(`could not be started: ${error.message}`);
        // Else a message to a process that has just died; its exit is what counts.
        else logger.debug({ reason: error.message }, 'the engine process does not listen');
      });
    });
    this.send(load);
  }

  send(message: ToChild): void {
    if (this.#child.connected) this.#child.send(message);
  }

  /** Ends it and waits until it is gone. Idempotent. */
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
