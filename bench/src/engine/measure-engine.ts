/** The measurements of this project's engine alone, in int8. */
import { startGenerator } from '../contestants/batched.ts';
import type { BenchResults } from '../results.ts';
import type { PromptMaker } from '../scenarios.ts';
import { measureFirstToken } from './first-token.ts';
import { measureMemory } from './memory.ts';
import { measureStepCosts, type StepCost } from './step-cost.ts';

export interface EngineOptions {
  readonly folder: string;
  readonly promptOf: PromptMaker;
  readonly onPass: (text: string) => void;
}

const contexts = [64, 128, 256, 512, 768, 1000];
const textCounts = [1, 2, 4, 8, 16, 32, 64];

export async function measureEngine(
  options: EngineOptions,
): Promise<Pick<BenchResults, 'stepCosts' | 'firstToken' | 'memory'>> {
  const { folder, promptOf, onPass } = options;
  onPass('memory over 10,000 steps');
  const memory = await measureMemory({ folder, dtype: 'int8', slots: 32 }, promptOf);
  const generator = await startGenerator({ folder, dtype: 'int8', slots: 64 });
  onPass('cost of a step');
  const stepCosts: StepCost[] = [];
  for (const texts of textCounts) {
    stepCosts.push(...(await measureStepCosts(generator, { promptOf, texts, contexts: [128] })));
  }
  for (const texts of [1, 32]) {
    stepCosts.push(...(await measureStepCosts(generator, { promptOf, texts, contexts })));
  }
  onPass('first token of a short prompt');
  const firstToken = await measureFirstToken(generator, promptOf);
  await generator.stop();
  return { stepCosts, firstToken, memory };
}
