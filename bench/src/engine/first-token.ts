/** Measures the time to the first token of a short prompt that takes the last free slot of a busy engine. */
import type { TextGenerator } from '@prosemill/core';
import { generate } from '../contestants/batched.ts';
import { median, type Summary, summarize } from '../statistics.ts';
import type { PromptMaker } from '../scenarios.ts';
import { watchSteps } from './watch-steps.ts';

const running = 31;
const arrivals = 9;
const promptTokens = 8;
/** The number of steps before the first arrival and between two arrivals. */
const pauseSteps = 12;

const ignore = (): void => undefined;

/** @returns the wait in decode steps of the running batch */
export async function measureFirstToken(generator: TextGenerator, promptOf: PromptMaker): Promise<Summary> {
  const over = new AbortController();
  let tokens = 0;
  let wake = ignore;
  const onToken = (): void => {
    tokens += 1;
    wake();
  };
  const steps = watchSteps(generator, running);
  const background = Array.from({ length: running }, async (_, index) => {
    const piece = { ...promptOf(64), newTokens: 700 };
    await generate(generator, piece, {
      seed: index,
      signal: over.signal,
      onToken: index === running - 1 ? onToken : ignore,
    });
  });
  const waits: number[] = [];
  for (let arrival = 1; arrival <= arrivals; arrival += 1) {
    const enough = tokens + pauseSteps;
    while (tokens < enough) await new Promise<void>((resolve) => (wake = resolve));
    await steps.reach(pauseSteps);
    const stepMs = median(steps.cycleMs.slice(-pauseSteps));
    // Spreads the arrivals over the duration of a step.
    await new Promise((resolve) => setTimeout(resolve, stepMs * ((arrival * 0.37) % 1)));
    const begin = performance.now();
    await generate(generator, { ...promptOf(promptTokens), newTokens: 1 }, { seed: arrival });
    waits.push((performance.now() - begin) / stepMs);
  }
  over.abort();
  steps.stop();
  await Promise.all(background);
  return summarize(waits);
}
