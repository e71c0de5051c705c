/** The engine's process as seen from the worker: started, watched, started again when it dies. */
import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Readable } from 'node:stream';
import type { Logger } from '@prosemill/core';
import { childEnvironment } from './child-environment.ts';
import type { FromChild, LoadMessage, ToChild } from './child/messages.ts';

export interface EngineProcessOptions {
  readonly load: LoadMessage;
  readonly logger: Logger;
  /** A process that says nothing for so long is killed; one that loads the model may be silent for ten times as long. */
  readonly hangLimitMs: number;
  readonly onMessage: (message: FromChild) => void;
  /** It is gone, asked or not; called once, with how it ended. */
  readonly onExit: (reason: string) => void;
}

const entry = fileURLToPath(new URL('child/main.ts', import.meta.url));
/** Questions within the limit; counted instead of timed, so that a worker that was frozen itself blames nobody. */
const pingsPerLimit = 6;
/**
 * Between two steps of a load: 5 minutes with the default are enough for opening a graph of 6 GB, the largest GPT-2, from a disk that reads
 * 20 MB a second. Progress is a sign of life, as a load has a limited number of steps: building the graph of a large model may take longer
 * than any one limit for all of it. A download is no part of it: that is the worker's.
 */
const limitsPerLoad = 10;
/** A process that is told to end does so at once, unless the model is in the middle of a step. */
const endLimitMs = 2_000;

export class EngineProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #pings: NodeJS.Timeout;
  #isLoaded = false;
  /** Since it last said something. */
  #unanswered = 0;
  #isHanging = false;

  constructor({ load, logger, hangLimitMs, onMessage, onExit }: EngineProcessOptions) {
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
    this.#child.on('message', (message) => {
      this.#unanswered = 0;
      if ((message as FromChild).type === 'loaded') this.#isLoaded = true;
      onMessage(message as FromChild);
    });
    this.#exited = new Promise((resolve) => {
      const gone = (how: string): void => {
        clearInterval(this.#pings);
        resolve();
        onExit(`the engine process ${this.#isHanging ? `${this.#silence(hangLimitMs)} and ` : ''}${how}`);
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
    this.#pings = setInterval(() => this.#watch(), hangLimitMs / pingsPerLimit);
  }

  send(message: ToChild): void {
    if (this.#child.connected) this.#child.send(message);
  }

  #watch(): void {
    this.#isHanging = this.#unanswered >= pingsPerLimit * (this.#isLoaded ? 1 : limitsPerLoad);
    if (this.#isHanging) this.#child.kill('SIGKILL');
    this.#unanswered += 1;
    // One that loads is not asked: answers between two steps would hide that it gets no further.
    if (this.#isLoaded) this.send({ type: 'ping' });
  }

  #silence(hangLimitMs: number): string {
    return this.#isLoaded
      ? `was silent for ${hangLimitMs / 1_000} s`
      : `got no further with loading the model for ${(limitsPerLoad * hangLimitMs) / 1_000} s`;
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
