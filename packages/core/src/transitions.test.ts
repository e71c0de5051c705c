import { describe, expect, it } from 'vitest';
import type { GeneratedPart, Outcome } from './outcome.ts';
import { applyOutcome, cancelQueued, expire, rescue, type TransitionState } from './transitions.ts';

const running = (over: Partial<TransitionState> = {}): TransitionState => ({
  status: 'running',
  attempt: 1,
  releasedCount: 0,
  crashCount: 0,
  maxAttempts: 3,
  dispatchEpoch: 0,
  cancelRequested: false,
  isWaiting: false,
  ...over,
});

const part: GeneratedPart = {
  completion: ' there was',
  usage: { promptTokens: 1, completionTokens: 1 },
  timeToFirstTokenMs: 5,
  generationMs: 9,
};
const transient: Outcome = {
  type: 'retried',
  error: { code: 'generation_failed', message: 'a crash' },
  delayMs: 700,
};

describe('transitions', () => {
  it('sends a transient failure back with a delay and a new epoch', () => {
    expect(applyOutcome(running(), transient)).toEqual({
      event: 'job-retried',
      status: 'queued',
      dispatchEpoch: 1,
      availableInMs: 700,
    });
  });

  it('fails with the last error when no attempts are left', () => {
    expect(applyOutcome(running({ attempt: 3 }), transient)).toMatchObject({
      status: 'failed',
      error: { code: 'generation_failed' },
    });
  });

  it('does not count attempts that were handed back', () => {
    expect(applyOutcome(running({ attempt: 5, releasedCount: 3 }), transient).status).toBe('queued');
    expect(applyOutcome(running({ attempt: 5, releasedCount: 2 }), transient).status).toBe('failed');
  });

  it('hands a job back without cost, however often', () => {
    expect(applyOutcome(running({ attempt: 9, releasedCount: 8 }), { type: 'released' })).toEqual({
      event: 'job-released',
      status: 'queued',
      dispatchEpoch: 1,
      availableInMs: 0,
      releasedCount: 9,
    });
  });

  it('cancels instead of going back to the queue when a cancel is requested', () => {
    const state = running({ cancelRequested: true });
    expect(applyOutcome(state, transient).status).toBe('canceled');
    expect(applyOutcome(state, { type: 'released' }).status).toBe('canceled');
    expect(rescue(state)).toMatchObject({ status: 'canceled', crashCount: 1 });
    expect(applyOutcome(state, { type: 'crashed' })).toMatchObject({ status: 'canceled', crashCount: 1 });
  });

  it.each([
    ['a lost worker', 'job-rescued', rescue],
    ['a dead engine', 'job-crashed', (state: TransitionState) => applyOutcome(state, { type: 'crashed' })],
  ])('gives a job up at its third crash (%s)', (_name, event, crash) => {
    expect(crash(running({ crashCount: 1 }))).toMatchObject({ status: 'queued', crashCount: 2, event });
    expect(crash(running({ crashCount: 2 }))).toMatchObject({
      status: 'failed',
      crashCount: 3,
      error: { code: 'worker_lost' },
    });
  });

  it('fails a rescued job when no attempts are left', () => {
    expect(rescue(running({ attempt: 1, maxAttempts: 1 })).status).toBe('failed');
  });

  it('keeps partial text with the reason of its end', () => {
    const timeout: Outcome = { type: 'failed', error: { code: 'deadline_exceeded', message: 'late' }, partial: part };
    expect(applyOutcome(running(), timeout)).toMatchObject({
      finishReason: 'timeout',
      partialCompletion: ' there was',
    });
    expect(applyOutcome(running({ cancelRequested: true }), { type: 'canceled', partial: part })).toMatchObject({
      finishReason: 'canceled',
      usage: part.usage,
    });
  });

  it('releases a job that its worker canceled without a request', () => {
    expect(applyOutcome(running(), { type: 'canceled', partial: part })).toMatchObject({
      event: 'job-released',
      status: 'queued',
      releasedCount: 1,
    });
  });

  it('does not keep the text of a success, which is in its generation record', () => {
    const outcome: Outcome = { type: 'succeeded', result: { ...part, finishReason: 'length', modelName: 'm' } };
    expect(applyOutcome(running(), outcome)).not.toHaveProperty('partialCompletion');
  });

  it('ends queued jobs by cancel or deadline', () => {
    expect(cancelQueued()).toMatchObject({ status: 'canceled', finishReason: 'canceled' });
    expect(expire()).toMatchObject({ status: 'expired', error: { code: 'deadline_exceeded' } });
  });
});
