import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { every, type LoopOptions } from './every.ts';

/** A loop whose steps the test ends. */
function startLoop(options: Partial<LoopOptions> = {}) {
  const ends: PromiseWithResolvers<void>[] = [];
  const signals: AbortSignal[] = [];
  const errors: unknown[] = [];
  const loop = every({
    intervalMs: 1_000,
    async step(signal) {
      const end = Promise.withResolvers<void>();
      ends.push(end);
      signals.push(signal);
      await end.promise;
    },
    onError: (error) => errors.push(error),
    ...options,
  });
  onTestFinished(async () => {
    ends.at(-1)?.resolve();
    await loop.stop();
  });
  loop.start();
  return { loop, ends, signals, errors };
}

/** Runs all timers and promises that are due. */
const settle = async (): Promise<unknown> => await vi.advanceTimersByTimeAsync(0);

describe('a loop', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  it('takes a step at its start, and the next one an interval after the end of the last', async () => {
    const { ends } = startLoop();
    expect(ends).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(ends).toHaveLength(1);
    ends[0]?.resolve();
    await vi.advanceTimersByTimeAsync(999);
    expect(ends).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(ends).toHaveLength(2);
  });

  it('reports a step that failed, and goes on', async () => {
    const { ends, errors } = startLoop();
    const failure = new Error('the database is away');
    ends[0]?.reject(failure);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(errors).toEqual([failure]);
    expect(ends).toHaveLength(2);
  });

  it('takes the next step at once when it is woken in a pause', async () => {
    const { loop, ends } = startLoop();
    ends[0]?.resolve();
    await settle();
    loop.wake();
    await settle();
    expect(ends).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('takes one more step at once when it is woken in a step, however often', async () => {
    const { loop, ends } = startLoop();
    loop.wake();
    loop.wake();
    expect(ends).toHaveLength(1);
    ends[0]?.resolve();
    await settle();
    expect(ends).toHaveLength(2);
    ends[1]?.resolve();
    await settle();
    expect(ends).toHaveLength(2);
  });

  it('asks for its interval after each step', async () => {
    let intervalMs = 100;
    const step = vi.fn<LoopOptions['step']>(async () => undefined);
    startLoop({ intervalMs: () => intervalMs, step });
    await vi.advanceTimersByTimeAsync(100);
    expect(step).toHaveBeenCalledTimes(2);
    intervalMs = 1_000;
    await vi.advanceTimersByTimeAsync(100);
    expect(step).toHaveBeenCalledTimes(3);
    await vi.advanceTimersByTimeAsync(999);
    expect(step).toHaveBeenCalledTimes(3);
  });

  it.each([
    [0, 800],
    [0.75, 1_100],
  ])('spreads its pauses by its jitter: at a random number of %s after %s ms', async (random, expectedMs) => {
    vi.spyOn(Math, 'random').mockReturnValue(random);
    onTestFinished(() => void vi.restoreAllMocks());
    const step = vi.fn<LoopOptions['step']>(async () => undefined);
    startLoop({ jitter: 0.2, step });
    await vi.advanceTimersByTimeAsync(expectedMs - 1);
    expect(step).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(step).toHaveBeenCalledTimes(2);
  });

  it('aborts the step under way when it is stopped, and reports no failure', async () => {
    const { loop, ends, signals, errors } = startLoop();
    signals[0]?.addEventListener('abort', () => ends[0]?.reject(new Error('aborted')));
    await loop.stop();
    expect(errors).toEqual([]);
  });

  it('may be stopped by its own step', async () => {
    const step = vi.fn<LoopOptions['step']>(async () => {
      await Promise.resolve();
      void loop.stop();
    });
    const { loop } = startLoop({ step });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(step).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
