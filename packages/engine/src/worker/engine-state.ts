/** The states of the engine's process, as a pure function of what happens to it. */
import { type AppError, assertNever, type EngineState, type LoadPhase } from '@prosemill/core';

export type EngineEvent =
  /** `progress`: 0 to 1 of the phase; null while it is unknown. */
  | { readonly type: 'load-progress'; readonly phase: LoadPhase; readonly progress: number | null }
  | { readonly type: 'loaded' }
  /** The model is not available, or the process cannot load it. */
  | { readonly type: 'load-failed'; readonly error: AppError }
  | { readonly type: 'process-ended'; readonly error: AppError }
  | { readonly type: 'stop' };

export const firstState: EngineState = { type: 'loading', phase: 'finding', progress: null };

/** Another start would not help a load that failed, and nothing follows a stop. */
export function nextState(state: EngineState, event: EngineEvent): EngineState {
  if (state.type === 'stopped') return state;
  if (event.type === 'stop') return { type: 'stopped' };
  if (state.type === 'failed') return state;
  switch (event.type) {
    case 'load-progress':
      return { type: 'loading', phase: event.phase, progress: event.progress };
    case 'loaded':
      return { type: 'ready' };
    case 'load-failed':
      return { type: 'failed', error: event.error };
    case 'process-ended':
      return { type: 'restarting', error: event.error };
    default:
      return assertNever(event);
  }
}

/** Whether calls have an answer: the engine is ready, or will not be any more. */
export const isSettled = ({ type }: EngineState): boolean => type !== 'loading' && type !== 'restarting';
