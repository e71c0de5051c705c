/** The port of the engine. Implemented by packages/engine; the conformance suite is in packages/testkit. */
import type { AppError } from '../errors.ts';
import type { FinishReason, ModelIdentity, TokenUsage } from '../job.ts';
import type { GenerateRequest } from '../text-request.ts';
import type { ModelRecord } from './model-store.ts';

/**
 * The events of a generation, in this order: one `generation-start`, any number of `token-delta`, one `generation-end`.
 * A request that cannot start (no room in the context) has a `generation-end` alone.
 */
export type TokenEvent =
  | { readonly type: 'generation-start'; readonly promptTokens: number; readonly maxNewTokens: number }
  /**
   * Final text of one or more tokens: whole characters, no part of a stop string. `completionTokens` counts from the
   * start.
   */
  | { readonly type: 'token-delta'; readonly text: string; readonly completionTokens: number }
  | { readonly type: 'generation-end'; readonly ending: GenerationEnding };

export type GenerationEnding =
  | { readonly reason: Extract<FinishReason, 'stop' | 'length' | 'canceled'>; readonly usage: TokenUsage }
  /** Code `worker_lost`: the engine's process died with this request in it. With other codes it did not. */
  | { readonly reason: 'error'; readonly error: AppError };

/** The phases of a load in their order, in the words of the log and `/health`. A load skips phases without work. */
export const loadPhases = {
  finding: 'Looking for the model',
  downloading: 'Downloading the model',
  checking: 'Checking the files of the model',
  'building-int8': 'Preparing the int8 weights',
  opening: 'Loading the weights',
} as const;
export type LoadPhase = keyof typeof loadPhases;

export type EngineState =
  /** `progress`: 0..1 of the phase; null while it is unknown. */
  | { readonly type: 'loading'; readonly phase: LoadPhase; readonly progress: number | null }
  | { readonly type: 'ready' }
  /** The engine's process is gone and starts again after a pause. */
  | { readonly type: 'restarting'; readonly error: AppError }
  | { readonly type: 'failed'; readonly error: AppError }
  | { readonly type: 'stopped' };

export interface LoadedModel {
  readonly identity: ModelIdentity;
  readonly record: ModelRecord;
  /** The reason, in one sentence, why the shipped model runs instead of distilgpt2; null if it does not. */
  readonly fallbackReason: string | null;
}

/** One run of the model. */
export interface EngineStep {
  /** Texts in the batch. */
  readonly rows: number;
  readonly durationMs: number;
  /** From the end of the step before, or from the end of a pause: the run, and all work between two runs. */
  readonly cycleMs: number;
}

export interface TextGenerator {
  /** Generations at once; further ones wait inside. Final from the first `ready` on. */
  readonly slots: number;
  /** Known from the first `ready` on. */
  readonly model: LoadedModel | null;
  readonly state: EngineState;
  /** Loads the model; resolves when ready. @throws {AppError} `engine_unavailable` when it cannot be loaded */
  start(): Promise<void>;
  /** @returns a function that ends the subscription */
  onStateChange(listener: (state: EngineState) => void): () => void;
  /**
   * Reports the steps of an engine that runs many texts at a time: several per call, some seconds late.
   * @returns a function that ends the subscription
   */
  onSteps(listener: (steps: readonly EngineStep[]) => void): () => void;
  /** Streams one text. Never throws: every ending is an event. An abort ends it within one token, as `canceled`. */
  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<TokenEvent>;
  /** Ends the engine's process; running generations end with an error. Idempotent. */
  stop(): Promise<void>;
}
