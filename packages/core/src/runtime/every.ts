/** The one loop of the service: a step, a pause, the next step, until it is stopped. */
import { type Service, serviceStopLimitMs } from './service.ts';
import { settleWithin } from './answer-within.ts';

export interface LoopOptions {
  /** Pause from the end of a step to the next; a function is asked after each step. */
  readonly intervalMs: number | (() => number);
  /** Random share of the pause, ±, so that many processes do not step at once. Default 0. */
  readonly jitter?: number;
  /** @param signal  Aborted by `stop`. */
  readonly step: (signal: AbortSignal) => Promise<unknown>;
  /** Called with the error of a failed step; the loop goes on. A step that fails after `stop` was aborted by it. */
  readonly onError: (error: unknown) => void;
}

export interface Loop extends Service {
  /** Takes the next step at once: now, or after the step under way. */
  wake(): void;
}

/** The first step is taken at `start`. Steps never overlap. A step must not await the `stop` of its own loop. */
export function every({ intervalMs, jitter = 0, step, onError }: LoopOptions): Loop {
  const stopped = new AbortController();
  const { signal } = stopped;
  let running: Promise<void> | null = null;
  let isWoken = false;
  let endPause: (() => void) | null = null;

  async function run(): Promise<void> {
    while (!signal.aborted) {
      isWoken = false;
      try {
        await step(signal);
      } catch (error) {
        if (!signal.aborted) onError(error);
      }
      if (!isWoken && !signal.aborted) await pause();
    }
  }

  async function pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const ms = typeof intervalMs === 'number' ? intervalMs : intervalMs();
    const timer = setTimeout(resolve, ms * (1 + jitter * (2 * Math.random() - 1)));
    endPause = resolve;
    await promise;
    clearTimeout(timer);
  }

  return {
    start() {
      if (!signal.aborted) running ??= run();
    },
    wake() {
      isWoken = true;
      endPause?.();
    },
    async stop() {
      stopped.abort();
      endPause?.();
      await settleWithin(serviceStopLimitMs, running ?? Promise.resolve());
    },
  };
}
