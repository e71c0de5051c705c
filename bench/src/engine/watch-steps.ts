/** The steps of an engine. Messages cannot tell them, because each has several tokens; the engine reports them. */
import type { TextGenerator } from '@prosemill/core';

/** The engine adds a report to a message once a second. So after this time the next message has one. */
export const reportMs = 1_100;

export interface StepWatch {
  /** The time of each step with so many texts, in order. */
  readonly cycleMs: readonly number[];
  /** Resolves when so many of these steps have been reported. */
  reach(count: number): Promise<void>;
  stop(): void;
}

export function watchSteps(generator: TextGenerator, texts: number): StepWatch {
  const cycleMs: number[] = [];
  let onReport: (() => void) | null = null;
  const stop = generator.onSteps((steps) => {
    for (const step of steps) if (step.rows === texts) cycleMs.push(step.cycleMs);
    onReport?.();
  });
  return {
    cycleMs,
    async reach(count) {
      while (cycleMs.length < count) await new Promise<void>((resolve) => (onReport = resolve));
    },
    stop,
  };
}
