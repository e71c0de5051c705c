/** Measures the time to the first token of a short prompt that takes the last free slot of a busy engine. */
import type { TextGenerator } from '@prosemill/core';
import { generate } from '../contestants/batched.ts';
import { median, type Summary, summarize } from '../statistics.ts';
import type { PromptMaker } from '../scenarios.ts';

const running = 31;
const arrivals = 9;
const promptTokens = 8;
/** The number of steps before the first arrival and between two arrivals. */
const pauseSteps = 12;

const ignore = (): void => undefined;

/** @returns the wait in decode steps of the running batch */
export async function measureFirstToken(generator: TextGenerator, promptOf: PromptMaker): Promise<Summary> {
  const over = new AbortController();
  const times: number[] = [];
  let wake = ignore;
  const onToken = (): void => {
    times.push(performance.now());
    wake();
  };
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
    const enough = times.length + pauseSteps;
    while (times.length < enough) await new Promise<void>((resolve) => (wake = resolve));
    const stepMs = median(times.slice(1 - pauseSteps).map((time, index) => time - (times.at(index - pauseSteps) ?? 0)));
    // Spreads the arrivals over the duration of a step.
    await new Promise((resolve) => setTimeout(resolve, stepMs * ((arrival * 0.37) % 1)));
    const begin = performance.now();
    await generate(generator, { ...promptOf(promptTokens), newTokens: 1 }, { seed: arrival });
    waits.push((performance.now() - begin) / stepMs);
  }
  over.abort();
  await Promise.all(background);
  return summarize(waits);
}
