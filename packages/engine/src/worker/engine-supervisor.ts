/** Starts the engine's process, starts it again with backoff when it has ended, and knows its state. */
import { AppError, backoffMs, type EngineState, type Logger, reconnectBackoff } from '@prosemill/core';
import type { FromChild, LoadMessage, ToChild } from '../process/messages.ts';
import { EngineProcess } from './engine-process.ts';
import { type EngineEvent, firstState, isSettled, nextState } from './engine-state.ts';

export interface EngineSupervisorOptions {
  readonly logger: Logger;
  readonly hangLimitMs: number;
  readonly onState: (state: EngineState) => void;
  readonly onMessage: (message: FromChild) => void;
  /** Called when the process has ended with its calls in it, whatever the reason. */
  readonly onEnd: (error: AppError) => void;
}

export class EngineSupervisor {
  readonly #options: EngineSupervisorOptions;
  readonly #listeners = new Set<(state: EngineState) => void>();
  #state: EngineState = firstState;
  #process: EngineProcess | null = null;
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

  /** Takes note of an event; the supervisor itself notes those of its process. */
  note(event: EngineEvent): void {
    const before = this.#state;
    this.#state = nextState(before, event);
    if (this.#state === before) return;
    this.#options.onState(this.#state);
    for (const listener of this.#listeners) listener(this.#state);
  }

  start(load: LoadMessage): void {
    const { logger, hangLimitMs } = this.#options;
    this.#attempts += 1;
    this.#process = new EngineProcess({
      load,
      logger,
      hangLimitMs,
      onMessage: (message) => this.#receive(message, load),
      onExit: (reason) => this.#ended(reason, load),
    });
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

  #receive(message: FromChild, { model }: LoadMessage): void {
    if (message.type === 'loaded') this.#attempts = 0;
    this.#options.onMessage(message);
    if (message.type === 'loaded') this.note({ type: 'loaded' });
    if (message.type !== 'load-failed') return;
    const text = `the model in ${model.folder} cannot be loaded: ${message.message}`;
    this.note({ type: 'load-failed', error: new AppError('engine_unavailable', { message: text }) });
    void this.#process?.end();
  }

  #ended(reason: string, load: LoadMessage): void {
    const isStopped = this.#state.type === 'stopped';
    const error = new AppError('engine_unavailable', { message: reason });
    this.#options.onEnd(isStopped ? error : new AppError('worker_lost', { message: reason }));
    if (isStopped || this.#state.type === 'failed') return;
    const pauseMs = backoffMs(this.#attempts, reconnectBackoff);
    this.#options.logger.error({ reason, pauseMs }, 'the engine starts again');
    this.note({ type: 'process-ended', error });
    this.#restart = setTimeout(() => this.start(load), pauseMs);
  }
}
