/** Milliseconds of a step, by how many texts are in the batch and how long they are. */
import type { TextGenerator } from '@prosemill/core';
import { generate } from '../contestants/batched.ts';
import { median } from '../statistics.ts';
import type { PromptMaker } from '../scenarios.ts';

export interface StepCost {
  readonly texts: number;
  /** Positions of each text, in the middle of the measurement. */
  readonly context: number;
  readonly msPerStep: number;
  readonly tokensPerSecond: number;
}

const measuredSteps = 24;
/** Until the last prompt has joined, and memory has grown. */
const skippedSteps = 8;

export async function measureStepCosts(
  generator: TextGenerator,
  promptOf: PromptMaker,
  of: readonly { readonly texts: number; readonly context: number }[],
): Promise<readonly StepCost[]> {
  const costs: StepCost[] = [];
  for (const { texts, context } of of) {
    const promptTokens = Math.max(1, context - skippedSteps - measuredSteps / 2);
    const newTokens = skippedSteps + measuredSteps + 1;
    const piece = { ...promptOf(promptTokens), newTokens };
    // Twice, and the second counts: at the first, memory grows.
    let msPerStep = 0;
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const times: number[] = [];
      const onFirst = (): number => times.push(performance.now());
      await Promise.all(
        Array.from({ length: texts }, async (_, index) => {
          // The last one joins last: from its first token on, all are in the batch.
          await generate(generator, piece, { seed: index, onToken: index === texts - 1 ? onFirst : () => undefined });
        }),
      );
      const steps = times.slice(skippedSteps);
      msPerStep = median(steps.slice(1).map((time, index) => time - (steps[index] ?? 0)));
    }
    costs.push({ texts, context, msPerStep, tokensPerSecond: (texts / msPerStep) * 1_000 });
  }
  return costs;
}
