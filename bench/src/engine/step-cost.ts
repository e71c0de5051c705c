/** Milliseconds of a step, by how many texts are in the batch and how long they are. */
import type { TextGenerator } from '@prosemill/core';
import { generate } from '../contestants/batched.ts';
import type { PromptMaker } from '../scenarios.ts';
import { median } from '../statistics.ts';

export interface StepCost {
  readonly texts: number;
  /** Positions of each text, in the middle of the measurement. */
  readonly context: number;
  readonly msPerStep: number;
  readonly tokensPerSecond: number;
}

export interface StepCostOptions {
  readonly promptOf: PromptMaker;
  readonly texts: number;
  readonly contexts: readonly number[];
}

/** Short, so that all have joined long before the first measurement. */
const promptTokens = 16;
/** Steps before and after the context that is measured. */
const aroundSteps = 12;

/** The texts grow together, and the steps around each context count. */
export async function measureStepCosts(
  generator: TextGenerator,
  { promptOf, texts, contexts }: StepCostOptions,
): Promise<readonly StepCost[]> {
  const newTokens = Math.max(...contexts) - promptTokens + aroundSteps;
  const piece = { ...promptOf(promptTokens), newTokens };
  const times: number[] = [];
  await Promise.all(
    Array.from({ length: texts }, async (_, seed) => {
      // The last to join tells how far all are, give or take a few steps.
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
