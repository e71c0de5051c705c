/** How long a short prompt waits for its first token while the batch is full but for its slot. */
import type { TextGenerator } from '@prosemill/core';
import { generate } from '../contestants/batched.ts';
import { median, type Summary, summarize } from '../statistics.ts';
import type { PromptMaker } from '../scenarios.ts';

const running = 31;
const arrivals = 9;
const promptTokens = 8;
/** Steps of the running texts before the first arrival, and between two. */
const pauseSteps = 12;

const ignore = (): void => undefined;

/** In decode steps of the batch that runs. */
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
    // Arrivals are spread over a step.
    await new Promise((resolve) => setTimeout(resolve, stepMs * ((arrival * 0.37) % 1)));
    const begin = performance.now();
    await generate(generator, { ...promptOf(promptTokens), newTokens: 1 }, { seed: arrival });
    waits.push((performance.now() - begin) / stepMs);
  }
  over.abort();
  await Promise.all(background);
  return summarize(waits);
}
