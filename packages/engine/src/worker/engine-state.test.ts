import { AppError, type EngineState } from '@prosemill/core';
import { describe, expect, it } from 'vitest';
import { type EngineEvent, firstState, isSettled, nextState } from './engine-state.ts';

const error = new AppError('engine_unavailable', { message: 'gone' });
const progress: EngineEvent = { type: 'load-progress', phase: 'opening', progress: 0.5 };
const ended: EngineEvent = { type: 'process-ended', error };
const failed: EngineEvent = { type: 'load-failed', error };
const after = (...events: readonly EngineEvent[]): EngineState => events.reduce(nextState, firstState);

describe('the state of the engine', () => {
  it('shows the progress of a load until the engine is ready', () => {
    expect(after(progress)).toEqual({ type: 'loading', phase: 'opening', progress: 0.5 });
    expect(after(progress, { type: 'loaded' })).toEqual({ type: 'ready' });
  });

  it('is restarting after the end of the process, and loading again', () => {
    expect(after({ type: 'loaded' }, ended)).toEqual({ type: 'restarting', error });
    expect(after(ended, progress, { type: 'loaded' })).toEqual({ type: 'ready' });
  });

  it('remains failed when a load has failed, also as the process ends', () => {
    expect(after(failed, ended, progress)).toEqual({ type: 'failed', error });
  });

  it('remains stopped, whatever comes later', () => {
    expect(after(failed, { type: 'stop' })).toEqual({ type: 'stopped' });
    expect(after({ type: 'stop' }, { type: 'loaded' }, ended, failed)).toEqual({ type: 'stopped' });
  });

  it('is settled unless it may still become ready', () => {
    expect([firstState, after(ended)].map(isSettled)).toEqual([false, false]);
    expect([after({ type: 'loaded' }), after(failed), after({ type: 'stop' })].map(isSettled)).toEqual([
      true,
      true,
      true,
    ]);
  });
});
