/** Measures the duration of a step by the number and length of its texts. */
import { setTimeout } from 'node:timers/promises';
import type { TextGenerator } from '@prosemill/core';
import { generate } from '../contestants/batched.ts';
import type { PromptMaker } from '../scenarios.ts';
import { median } from '../statistics.ts';
import { reportMs, watchSteps } from './watch-steps.ts';

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

/** Lets the texts grow together, and reads the steps around each context from the reports of the engine. */
export async function measureStepCosts(
  generator: TextGenerator,
  { promptOf, texts, contexts }: StepCostOptions,
): Promise<readonly StepCost[]> {
  const newTokens = Math.max(...contexts) - promptTokens + aroundSteps;
  const piece = { ...promptOf(promptTokens), newTokens };
  const steps = watchSteps(generator, texts);
  await Promise.all(Array.from({ length: texts }, async (_, seed) => await generate(generator, piece, { seed })));
  // The message of another text has the report of the last steps.
  await setTimeout(reportMs);
  await generate(generator, { ...promptOf(promptTokens), newTokens: 1 }, { seed: 0 });
  // Texts that joined one after another have fewer steps together.
  await steps.reach(newTokens - aroundSteps);
  steps.stop();
  return contexts.map((context) => {
    const middle = context - promptTokens;
    const msPerStep = median(steps.cycleMs.slice(middle - aroundSteps, middle + aroundSteps));
    return { texts, context, msPerStep, tokensPerSecond: (texts / msPerStep) * 1_000 };
  });
}
