/** Runs all contestants on all scenarios in interleaved rounds, so that ratios are valid on a noisy machine. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Contestant } from './contestants/contestant.ts';
import type { Workload } from './scenarios.ts';
import { sum } from './statistics.ts';
import type { Work, WorkResult } from './work.ts';

export interface Measurement {
  readonly scenario: string;
  readonly contestant: string;
  /** Tokens per second of each round, in order. */
  readonly rounds: readonly number[];
}

/** One contestant's work in one scenario: all of it or a part. */
export interface Pass {
  readonly scenario: Workload;
  readonly contestant: Contestant;
  readonly work: readonly Work[];
}

/** How much is measured. */
export interface Effort {
  readonly rounds: number;
  /** The part of the work that is done, more than 0 and at most 1. */
  readonly share: number;
}

export interface MeasureOptions extends Effort {
  /** Called with the name and the result of each pass. */
  readonly onPass: (text: string) => void;
}

/**
 * A pause before each pass: threads of the last contestant spin for a while, and the next one should have all cores.
 */
const restMs = 700;

/**
 * The first round warms up with a part of the work and does not count. The order changes with each round, so that a
 * machine that becomes slower favors no contestant.
 */
export async function measure(
  passes: readonly Pass[],
  { rounds, share, onPass }: MeasureOptions,
): Promise<readonly Measurement[]> {
  const rates = passes.map((): number[] => []);
  for (let round = 0; round <= rounds; round += 1) {
    const inOrder = [...passes.entries()];
    for (const [index, { scenario, contestant, work }] of round % 2 === 0 ? inOrder : inOrder.toReversed()) {
      onPass(`round ${round} of ${rounds}: ${scenario.name}, ${contestant.name}`);
      await pause(restMs);
      const part = work.slice(0, Math.ceil(work.length * (round === 0 ? share / 4 : share)));
      const result = await contestant.run(part, scenario.inFlight);
      const rate = rateOf(result, scenario, part);
      onPass(`  ${rate.toFixed(0)} ${scenario.counts} a second`);
      if (round > 0) rates[index]?.push(rate);
    }
  }
  return passes.map(({ scenario, contestant }, index) => ({
    scenario: scenario.name,
    contestant: contestant.name,
    rounds: rates[index] ?? [],
  }));
}

/** The tokens per second, of the kind that the scenario counts. */
function rateOf({ tokens, ms }: WorkResult, { counts }: Workload, work: readonly Work[]): number {
  const counted = counts === 'new tokens' ? tokens : sum(work.map(({ promptIds }) => promptIds.length));
  return (counted / ms) * 1_000;
}
