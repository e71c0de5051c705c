/** Runs an engine in a process: `batched` for GPT-2 models, `transformers` for other models of transformers.js. */
import { join } from 'node:path';
import {
  AppError,
  armedFailpoint,
  type EngineState,
  type EngineStep,
  type GenerateRequest,
  type GenerationEnding,
  type LoadedModel,
  type LoadPhase,
  type Logger,
  type TextGenerator,
  toAppError,
  type TokenEvent,
} from '@prosemill/core';
import type { ChildEnding, FromChild } from '../process/messages.ts';
import { shareOf } from '../load-progress.ts';
import { createProgressReport, type ProgressReport } from '../models/progress-bar.ts';
import type { Engine } from '../models/model-files.ts';
import { type ModelChoice, type ResolvedModel, resolveModel } from '../models/resolve-model.ts';
import { Calls } from './calls.ts';
import { EngineSupervisor } from './engine-supervisor.ts';
import { fingerprintOf } from './fingerprint.ts';

export interface TextGeneratorOptions extends ModelChoice {
  /** The most texts that run at once; undefined: 32 for `batched`, 1 for `transformers`. */
  readonly slots: number | undefined;
  /** The number of threads that compute. */
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
  readonly #stepListeners = new Set<(steps: readonly EngineStep[]) => void>();
  readonly #calls = new Calls();
  readonly #stopping = new AbortController();
  readonly #report: ProgressReport;
  readonly #supervisor: EngineSupervisor;
  #resolved: ResolvedModel | null = null;
  #model: LoadedModel | null = null;

  constructor(options: TextGeneratorOptions) {
    const { logger, modelDir, engine, threads, hangLimitMs = defaultHangLimitMs } = options;
    this.#options = options;
    this.#report = createProgressReport(logger, process.stderr);
    this.#supervisor = new EngineSupervisor({
      logger,
      codeDir: join(modelDir, 'code'),
      threads: engine === 'transformers' ? 1 : threads,
      hangLimitMs,
      onState: (state) => {
        if (state.type !== 'loading') this.#report.end();
      },
      onMessage: (message) => this.#receive(message),
      onEnd: (error) => this.#calls.endAll({ reason: 'error', error }),
    });
  }

  get state(): EngineState {
    return this.#supervisor.state;
  }

  get slots(): number {
    const { slots, engine } = this.#options;
    return slots ?? defaultSlots[this.#resolved?.engine ?? (engine === 'transformers' ? 'transformers' : 'batched')];
  }

  get model(): LoadedModel | null {
    return this.#model;
  }

  onStateChange(listener: (state: EngineState) => void): () => void {
    return this.#supervisor.onStateChange(listener);
  }

  onSteps(listener: (steps: readonly EngineStep[]) => void): () => void {
    this.#stepListeners.add(listener);
    return () => this.#stepListeners.delete(listener);
  }

  async start(): Promise<void> {
    const { logger, threads, modelDir } = this.#options;
    this.#supervisor.start();
    try {
      const model = await resolveModel(this.#options, {
        signal: this.#stopping.signal,
        onProgress: (phase, done, total) => this.#progress(phase, done, total),
      });
      this.#stopping.signal.throwIfAborted();
      this.#resolved = model;
      const failpoint = armedFailpoint();
      this.#supervisor.load({ type: 'load', model, modelDir, slots: this.slots, threads, failpoint });
    } catch (error) {
      this.#supervisor.fail(toAppError(error, 'engine_unavailable'));
    }
    const settled = await this.#supervisor.settled();
    if (settled.type === 'failed') throw settled.error;
    if (settled.type === 'stopped') throw stopped();
    const { model } = this;
    if (model?.fallbackReason != null) logger.warn({ model: model.identity.name }, model.fallbackReason);
  }

  async *generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<TokenEvent, void, undefined> {
    const state = await this.#supervisor.settled(signal);
    if (signal.aborted) {
      yield { type: 'generation-end', ending: { reason: 'canceled', usage: { promptTokens: 0, completionTokens: 0 } } };
      return;
    }
    if (state.type !== 'ready') {
      const error = state.type === 'failed' ? state.error : stopped();
      yield { type: 'generation-end', ending: { reason: 'error', error } };
      return;
    }
    const { id: call, events } = this.#calls.add();
    const cancel = (): void => this.#supervisor.send({ type: 'cancel', call });
    signal.addEventListener('abort', cancel, { once: true });
    // A job is a request too. Its other values would be copied into the process, by the thread that computes.
    const { prompt, parameters, seed } = request;
    this.#supervisor.send({ type: 'generate', call, request: { prompt, parameters, seed } });
    try {
      yield* events;
    } finally {
      signal.removeEventListener('abort', cancel);
      // A reader that leaves early cancels its call.
      if (this.#calls.remove(call)) cancel();
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#supervisor.stop();
  }

  #progress(phase: LoadPhase, done: number, total: number): void {
    if (this.#stopping.signal.aborted) return;
    this.#supervisor.note({ type: 'load-progress', phase, progress: shareOf(done, total) });
    this.#report.update(phase, done, total);
  }

  #receive(message: FromChild): void {
    switch (message.type) {
      case 'load-progress':
        this.#progress(message.phase, message.progress ?? 0, message.progress === null ? 0 : 1);
        break;
      case 'loaded':
        if (this.#resolved !== null) this.#model ??= loadedModel(this.#resolved, message.engineVersion);
        break;
      case 'load-failed':
        break;
      case 'pong':
        this.#emitSteps(message.steps);
        break;
      case 'events':
        this.#emitSteps(message.steps);
        for (const { call, event } of message.events) {
          if (event.type === 'generation-end') this.#calls.end(call, fromChildEnding(event.ending));
          else this.#calls.push(call, event);
        }
        break;
      default:
        message satisfies never;
    }
  }

  #emitSteps(steps: readonly EngineStep[]): void {
    if (steps.length > 0) for (const listener of this.#stepListeners) listener(steps);
  }
}

const stopped = (): AppError => new AppError('engine_unavailable', { message: 'the engine is stopped' });

function loadedModel(resolved: ResolvedModel, engineVersion: string): LoadedModel {
  const { name, revision, engine, dtype, contextLength, tokenizer, fallbackReason } = resolved;
  const fingerprint = fingerprintOf(resolved, engineVersion);
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
