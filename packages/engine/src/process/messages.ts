/** The messages between a worker and its engine process. */
import type { EngineStep, ErrorCode, GenerateRequest, GenerationEnding, LoadPhase, TokenEvent } from '@prosemill/core';
import type { DescribedModel } from '../models/describe-model.ts';

export interface LoadMessage {
  readonly type: 'load';
  readonly model: DescribedModel;
  /** The folder in which `batched` stores models in int8. */
  readonly modelDir: string;
  /** The most texts that run at once. */
  readonly slots: number;
  readonly threads: number;
  /** The worker's failpoint, which the engine arms too. */
  readonly failpoint?: string | undefined;
}

export type ToChild =
  | LoadMessage
  | { readonly type: 'generate'; readonly call: number; readonly request: GenerateRequest }
  | { readonly type: 'cancel'; readonly call: number }
  /** The answer comes between two steps, because a step blocks the thread. */
  | { readonly type: 'ping' };

/** An error as plain data: serialization between processes loses its class. */
export interface ErrorData {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export type ChildTokenEvent =
  | Exclude<TokenEvent, { readonly type: 'generation-end' }>
  | { readonly type: 'generation-end'; readonly ending: ChildEnding };

export type ChildEnding =
  | Exclude<GenerationEnding, { readonly reason: 'error' }>
  | { readonly reason: 'error'; readonly error: ErrorData };

export type FromChild =
  /** Each message is new progress: a load sends at most a hundred for each phase, and none twice. */
  | { readonly type: 'load-progress'; readonly phase: LoadPhase; readonly progress: number | null }
  | { readonly type: 'loaded'; readonly engineVersion: string }
  | { readonly type: 'load-failed'; readonly message: string }
  | { readonly type: 'pong'; readonly steps: readonly EngineStep[] }
  /** The events of one step, in order. `steps` are collected and sent along about once a second. */
  | { readonly type: 'events'; readonly events: readonly CallEvent[]; readonly steps: readonly EngineStep[] };

export interface CallEvent {
  readonly call: number;
  readonly event: ChildTokenEvent;
}
