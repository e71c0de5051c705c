/** Runs an engine in a process: `batched` for GPT-2 models, `transformers` for other models of transformers.js. */
import {
  AppError,
  armedFailpoint,
  backoffMs,
  type EngineState,
  type EngineStep,
  type GenerateRequest,
  type GenerationEnding,
  type LoadedModel,
  type LoadPhase,
  type Logger,
  reconnectBackoff,
  type TextGenerator,
  toAppError,
  type TokenEvent,
} from '@prosemill/core';
import type { ChildEnding, FromChild, LoadMessage } from './child/messages.ts';
import { EngineProcess } from './engine-process.ts';
import { EventQueue } from './event-queue.ts';
import { fingerprintOf } from './fingerprint.ts';
import { shareOf } from './load-progress.ts';
import { createProgressReport, type ProgressReport } from './models/progress-bar.ts';
import type { Engine } from './models/model-files.ts';
import { type ModelChoice, type ResolvedModel, resolveModel } from './models/resolve-model.ts';

export interface TextGeneratorOptions extends ModelChoice {
  /** The most texts that run at once; undefined: 32 for `batched`, 1 for `transformers`. */
  readonly slots: number | undefined;
  /** The thread count of the only onnxruntime session. */
  readonly threads: number;
  /**
   * A process that is silent for this long is killed; so is a load without progress for ten times as long. Must exceed
   * the longest step of the model. Default 30,000.
   */
  readonly hangLimitMs?: number;
  readonly logger: Logger;
}

const defaultHangLimitMs = 30_000;
const defaultSlots: Readonly<Record<Engine, number>> = { batched: 32, transformers: 1 };

export const createTextGenerator = (options: TextGeneratorOptions): TextGenerator => new ProcessTextGenerator(options);

class ProcessTextGenerator implements TextGenerator {
  readonly #options: TextGeneratorOptions;
  readonly #listeners = new Set<(state: EngineState) => void>();
  readonly #stepListeners = new Set<(steps: readonly EngineStep[]) => void>();
  readonly #calls = new Map<number, EventQueue<TokenEvent>>();
  readonly #stopping = new AbortController();
  readonly #report: ProgressReport;
  #state: EngineState = { type: 'loading', phase: 'finding', progress: null };
  #model: LoadedModel | null = null;
  #process: EngineProcess | null = null;
  #restart: NodeJS.Timeout | undefined;
  /** The number of starts of the process since it was last ready. */
  #attempts = 0;
  #lastCall = 0;
  #slots: number;

  constructor(options: TextGeneratorOptions) {
    this.#options = options;
    this.#report = createProgressReport(options.logger, process.stderr);
    this.#slots = options.slots ?? defaultSlots[options.engine === 'transformers' ? 'transformers' : 'batched'];
  }

  get state(): EngineState {
    return this.#state;
  }

  get slots(): number {
    return this.#slots;
  }

  get model(): LoadedModel | null {
    return this.#model;
  }

  onStateChange(listener: (state: EngineState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onSteps(listener: (steps: readonly EngineStep[]) => void): () => void {
    this.#stepListeners.add(listener);
    return () => this.#stepListeners.delete(listener);
  }

  async start(): Promise<void> {
    const { logger, threads, modelDir } = this.#options;
    try {
      const resolved = await resolveModel(this.#options, {
        signal: this.#stopping.signal,
        onProgress: (phase, done, total) => this.#progress(phase, done, total),
      });
      this.#stopping.signal.throwIfAborted();
      this.#slots = this.#options.slots ?? defaultSlots[resolved.engine];
      const [slots, failpoint] = [this.#slots, armedFailpoint()];
      this.#startProcess(resolved, { type: 'load', model: resolved, modelDir, slots, threads, failpoint });
    } catch (error) {
      if (!this.#stopping.signal.aborted)
        this.#setState({ type: 'failed', error: toAppError(error, 'engine_unavailable') });
    }
    const settled = await this.#settled();
    if (settled.type === 'failed') throw settled.error;
    if (settled.type === 'stopped') throw stopped();
    const { model } = this;
    if (model?.fallbackReason != null) logger.warn({ model: model.identity.name }, model.fallbackReason);
  }

  async *generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<TokenEvent, void, undefined> {
    const state = await this.#settled(signal);
    if (signal.aborted) {
      yield { type: 'generation-end', ending: { reason: 'canceled', usage: { promptTokens: 0, completionTokens: 0 } } };
      return;
    }
    if (state.type !== 'ready') {
      const error = state.type === 'failed' ? state.error : stopped();
      yield { type: 'generation-end', ending: { reason: 'error', error } };
      return;
    }
    this.#lastCall += 1;
    const call = this.#lastCall;
    const events = new EventQueue<TokenEvent>();
    const cancel = (): void => this.#process?.send({ type: 'cancel', call });
    this.#calls.set(call, events);
    signal.addEventListener('abort', cancel, { once: true });
    this.#process?.send({ type: 'generate', call, request });
    try {
      yield* events;
    } finally {
      signal.removeEventListener('abort', cancel);
      // A reader that leaves early cancels its call.
      if (this.#calls.delete(call)) cancel();
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#restart);
    this.#setState({ type: 'stopped' });
    await this.#process?.end();
  }

  #progress(phase: LoadPhase, done: number, total: number): void {
    if (this.#stopping.signal.aborted) return;
    this.#setState({ type: 'loading', phase, progress: shareOf(done, total) });
    this.#report.update(phase, done, total);
  }

  #startProcess(resolved: ResolvedModel, load: LoadMessage): void {
    const { logger, hangLimitMs = defaultHangLimitMs } = this.#options;
    this.#attempts += 1;
    this.#process = new EngineProcess({
      load,
      logger,
      hangLimitMs,
      onMessage: (message) => this.#receive(message, resolved),
      onExit: (reason) => {
        const error = new AppError('engine_unavailable', { message: reason });
        const callError = this.#stopping.signal.aborted ? error : new AppError('worker_lost', { message: reason });
        for (const call of this.#calls.keys()) this.#endCall(call, { reason: 'error', error: callError });
        if (this.#stopping.signal.aborted || this.#state.type === 'failed') return;
        const pauseMs = backoffMs(this.#attempts, reconnectBackoff);
        logger.error({ reason: error.message, pauseMs }, 'the engine starts again');
        this.#setState({ type: 'restarting', error });
        this.#restart = setTimeout(() => this.#startProcess(resolved, load), pauseMs);
      },
    });
  }

  #receive(message: FromChild, resolved: ResolvedModel): void {
    switch (message.type) {
      case 'load-progress':
        this.#progress(message.phase, message.progress ?? 0, message.progress === null ? 0 : 1);
        break;
      case 'loaded':
        this.#attempts = 0;
        this.#model ??= loadedModel(resolved, message.engineVersion);
        this.#setState({ type: 'ready' });
        break;
      case 'load-failed': {
        const error = new AppError('engine_unavailable', {
          message: `the model in ${resolved.folder} cannot be loaded: ${message.message}`,
        });
        this.#setState({ type: 'failed', error });
        void this.#process?.end();
        break;
      }
      case 'pong':
        this.#emitSteps(message.steps);
        break;
      case 'events':
        this.#emitSteps(message.steps);
        for (const { call, event } of message.events) {
          if (event.type === 'generation-end') this.#endCall(call, fromChildEnding(event.ending));
          else this.#calls.get(call)?.push(event);
        }
        break;
      default:
        message satisfies never;
    }
  }

  #emitSteps(steps: readonly EngineStep[]): void {
    if (steps.length > 0) for (const listener of this.#stepListeners) listener(steps);
  }

  #endCall(call: number, ending: GenerationEnding): void {
    const events = this.#calls.get(call);
    this.#calls.delete(call);
    events?.push({ type: 'generation-end', ending });
    events?.end();
  }

  /** Waits until the state is neither loading nor restarting, or the signal is aborted. */
  async #settled(signal?: AbortSignal): Promise<EngineState> {
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

  #setState(state: EngineState): void {
    if (this.#state.type === 'stopped') return;
    this.#state = state;
    if (state.type !== 'loading') this.#report.end();
    for (const listener of this.#listeners) listener(state);
  }
}

const isSettled = ({ type }: EngineState): boolean => type !== 'loading' && type !== 'restarting';

const stopped = (): AppError => new AppError('engine_unavailable', { message: 'the engine is stopped' });

function loadedModel(resolved: ResolvedModel, engineVersion: string): LoadedModel {
  const { name, revision, engine, dtype, contextLength, tokenizer, fallbackReason } = resolved;
  const fingerprint = fingerprintOf(`${engine} ${engineVersion}`, resolved);
  return {
    identity: { name, revision, engine, dtype, fingerprint },
    record: { name, revision, contextLength, tokenizer },
    fallbackReason,
  };
}

function fromChildEnding(ending: ChildEnding): GenerationEnding {
  if (ending.reason !== 'error') return ending;
  const { code, message, details } = ending.error;
  return { reason: 'error', error: new AppError(code, { message, details }) };
}
