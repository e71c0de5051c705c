/** Measures the duration of a step by the number and length of its texts. */
import type { TextGenerator } from '@prosemill/core';
import { generate } from '../contestants/batched.ts';
import type { PromptMaker } from '../scenarios.ts';
import { median } from '../statistics.ts';

export interface StepCost {
  readonly texts: number;
  /** The positions of each text in the middle of the measurement. */
  readonly context: number;
  readonly msPerStep: number;
  readonly tokensPerSecond: number;
}

export interface StepCostOptions {
  readonly promptOf: PromptMaker;
  readonly texts: number;
  readonly contexts: readonly number[];
}

/** Short, so that all texts have joined long before the first measurement. */
const promptTokens = 16;
/** The number of measured steps before and after each context. */
const aroundSteps = 12;

/** Lets the texts grow together, and measures the steps around each context. */
export async function measureStepCosts(
  generator: TextGenerator,
  { promptOf, texts, contexts }: StepCostOptions,
): Promise<readonly StepCost[]> {
  const newTokens = Math.max(...contexts) - promptTokens + aroundSteps;
  const piece = { ...promptOf(promptTokens), newTokens };
  const times: number[] = [];
  await Promise.all(
    Array.from({ length: texts }, async (_, seed) => {
      // The text that joins last shows the progress of all within a few steps.
      const isLast = seed === texts - 1;
      await generate(generator, piece, { seed, onToken: () => isLast && times.push(performance.now()) });
    }),
  );
  return contexts.map((context) => {
    const middle = context - promptTokens;
    const around = times.slice(middle - aroundSteps, middle + aroundSteps);
    const msPerStep = median(around.slice(1).map((time, index) => time - (around[index] ?? 0)));
    return { texts, context, msPerStep, tokensPerSecond: (texts / msPerStep) * 1_000 };
  });
}
