/** Starts the engine's process, starts it again with backoff when it has ended, and knows its state. */
import { AppError, backoffMs, type EngineState, reconnectBackoff } from '@prosemill/core';
import type { FromChild, LoadMessage, ToChild } from '../process/messages.ts';
import { EngineProcess, type EngineProcessOptions } from './engine-process.ts';
import { type EngineEvent, firstState, isSettled, nextState } from './engine-state.ts';

export interface EngineSupervisorOptions extends Omit<EngineProcessOptions, 'onExit'> {
  readonly onState: (state: EngineState) => void;
  /** Called when the process has ended with its calls in it, whatever the reason. */
  readonly onEnd: (error: AppError) => void;
}

export class EngineSupervisor {
  readonly #options: EngineSupervisorOptions;
  readonly #listeners = new Set<(state: EngineState) => void>();
  #state: EngineState = firstState;
  #process: EngineProcess | null = null;
  #load: LoadMessage | null = null;
  #restart: NodeJS.Timeout | undefined;
  /** The number of starts of the process since it was last ready. */
  #attempts = 0;

  constructor(options: EngineSupervisorOptions) {
    this.#options = options;
  }

  get state(): EngineState {
    return this.#state;
  }

  onStateChange(listener: (state: EngineState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes note of an event; the supervisor itself notes those of its process and of a failed load. */
  note(event: EngineEvent): void {
    const before = this.#state;
    this.#state = nextState(before, event);
    if (this.#state === before) return;
    this.#options.onState(this.#state);
    for (const listener of this.#listeners) listener(this.#state);
  }

  /** Starts the process, which loads the model as soon as `load` or `fail` tells how that went. */
  start(): void {
    this.#attempts += 1;
    this.#process = new EngineProcess({
      ...this.#options,
      onMessage: (message) => this.#receive(message),
      onExit: (reason) => this.#ended(reason),
    });
    if (this.#load !== null) this.#process.load(this.#load);
  }

  load(message: LoadMessage): void {
    this.#load = message;
    this.#process?.load(message);
  }

  /** There is no model that the process could load. */
  fail(error: AppError): void {
    clearTimeout(this.#restart);
    this.note({ type: 'load-failed', error });
    void this.#process?.end();
  }

  send(message: ToChild): void {
    this.#process?.send(message);
  }

  /** Ends the process and waits until it is gone. Idempotent. */
  async stop(): Promise<void> {
    clearTimeout(this.#restart);
    this.note({ type: 'stop' });
    await this.#process?.end();
  }

  /** Waits until the state is settled, or the signal is aborted. */
  async settled(signal?: AbortSignal): Promise<EngineState> {
    if (isSettled(this.#state) || signal?.aborted === true) return this.#state;
    return await new Promise((resolve) => {
      const finish = (): void => {
        unsubscribe();
        signal?.removeEventListener('abort', finish);
        resolve(this.#state);
      };
      const unsubscribe = this.onStateChange((state) => {
        if (isSettled(state)) finish();
      });
      signal?.addEventListener('abort', finish);
    });
  }

  #receive(message: FromChild): void {
    if (message.type === 'loaded') this.#attempts = 0;
    this.#options.onMessage(message);
    if (message.type === 'loaded') this.note({ type: 'loaded' });
    if (message.type !== 'load-failed') return;
    const text = `the model in ${this.#load?.model.folder} cannot be loaded: ${message.message}`;
    this.fail(new AppError('engine_unavailable', { message: text }));
  }

  #ended(reason: string): void {
    this.#process = null;
    const isStopped = this.#state.type === 'stopped';
    const error = new AppError('engine_unavailable', { message: reason });
    this.#options.onEnd(isStopped ? error : new AppError('worker_lost', { message: reason }));
    if (isStopped || this.#state.type === 'failed') return;
    const pauseMs = backoffMs(this.#attempts, reconnectBackoff);
    this.#options.logger.error({ reason, pauseMs }, 'the engine starts again');
    this.note({ type: 'process-ended', error });
    this.#restart = setTimeout(() => this.start(), pauseMs);
  }
}
