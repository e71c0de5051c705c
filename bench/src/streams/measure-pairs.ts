/** Pairs of passes: one under a load that costs something, and one without it. */
import type { PromptMaker } from '../scenarios.ts';
import type { StreamedWork } from './reader-process.ts';
import type { StreamServiceOptions } from './stream-service.ts';

/** A measurement in one placement of the processes. */
export interface PlacedOptions extends StreamServiceOptions {
  readonly promptOf: PromptMaker;
  readonly onPass: (text: string) => void;
}

export interface PairOptions<Quiet, Loaded> {
  /** One more pair before them warms up. */
  readonly pairs: number;
  readonly quiet: () => Promise<Quiet>;
  readonly loaded: () => Promise<Loaded>;
  /** Called before each pair, the first with 0. */
  readonly onRound: (round: number) => void;
}

/**
 * Measures both passes of a pair right after each other. Their order changes with each pair, because a machine may
 * become faster or slower.
 */
export async function measurePairs<Quiet, Loaded>(
  options: PairOptions<Quiet, Loaded>,
): Promise<readonly { readonly quiet: Quiet; readonly loaded: Loaded }[]> {
  const pairs: { quiet: Quiet; loaded: Loaded }[] = [];
  for (let round = 0; round <= options.pairs; round += 1) {
    options.onRound(round);
    const pair = await measurePair(options, round % 2 === 0);
    if (round > 0) pairs.push(pair);
  }
  return pairs;
}

async function measurePair<Quiet, Loaded>(
  { quiet: measureQuiet, loaded: measureLoaded }: PairOptions<Quiet, Loaded>,
  quietFirst: boolean,
): Promise<{ quiet: Quiet; loaded: Loaded }> {
  if (quietFirst) {
    const quiet = await measureQuiet();
    return { quiet, loaded: await measureLoaded() };
  }
  const loaded = await measureLoaded();
  return { quiet: await measureQuiet(), loaded };
}

export const promptTokens = 20;

/** Jobs that differ in their seeds. */
export function workOf({
  promptOf,
  newTokens,
  jobs,
}: {
  readonly promptOf: PromptMaker;
  readonly newTokens: number;
  readonly jobs: number;
}): readonly StreamedWork[] {
  const { prompt } = promptOf(promptTokens);
  return Array.from({ length: jobs }, (_, seed) => ({ prompt, newTokens, seed }));
}
