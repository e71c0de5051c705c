/** What a worker and its engine process say to each other. */
import type { EngineStep, ErrorCode, GenerateRequest, GenerationEnding, LoadPhase, TokenEvent } from '@prosemill/core';
import type { DescribedModel } from '../models/describe-model.ts';

export interface LoadMessage {
  readonly type: 'load';
  readonly model: DescribedModel;
  /** Where `batched` keeps the graph that it has made of the model. */
  readonly modelDir: string;
  /** Texts at once. */
  readonly slots: number;
  readonly threads: number;
  /** What is armed in the worker is armed in its engine. */
  readonly failpoint?: string | undefined;
}

export type ToChild =
  | LoadMessage
  | { readonly type: 'generate'; readonly call: number; readonly request: GenerateRequest }
  | { readonly type: 'cancel'; readonly call: number }
  /** Answered between two steps: a step blocks the thread. */
  | { readonly type: 'ping' };

/** Errors lose their class on the way, so they travel as data. */
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
  /** Never twice the same: each is a step forward, of which a load has at most a hundred for each phase. */
  | { readonly type: 'load-progress'; readonly phase: LoadPhase; readonly progress: number | null }
  | { readonly type: 'loaded'; readonly engineVersion: string }
  | { readonly type: 'load-failed'; readonly message: string }
  | { readonly type: 'pong'; readonly steps: readonly EngineStep[] }
  /** What one step has brought, in order. Not every message has news of `steps`: they travel once in a while, with what is sent anyway. */
  | { readonly type: 'events'; readonly events: readonly CallEvent[]; readonly steps: readonly EngineStep[] };

export interface CallEvent {
  readonly call: number;
  readonly event: ChildTokenEvent;
}
