/** Runs all contestants on all scenarios in interleaved rounds, so that ratios are valid on a noisy machine. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Contestant } from './contestants/contestant.ts';
import type { Workload } from './scenarios.ts';
import { sum } from './statistics.ts';
import { watchStolenTime } from './stolen-time.ts';
import type { Work, WorkResult } from './work.ts';

export interface Measurement {
  readonly scenario: string;
  readonly contestant: string;
  /** Tokens per second of each round, in order. */
  readonly rounds: readonly number[];
  /** The share of the cores' busy time that the host withheld in each round, 0 to 1. */
  readonly stolen: readonly number[];
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
  /** The number of the core whose stolen time counts. Default: '', all. */
  readonly core?: string;
  /** Called with the name and the result of each pass. */
  readonly onPass: (text: string) => void;
}

/**
 * A pause before each pass: threads of the last contestant spin for a while, and the next one should have all cores.
 */
const restMs = 700;

/** A pass that lost more than this share of the cores' busy time to the host is repeated. */
const maxStolen = 0.02;
/** Repetitions start within this time from the start of the first pass, so a longer pass has none. */
const repeatWithinMs = 30_000;

/**
 * The first round warms up with a part of the work and does not count. The order changes with each round, so that a
 * machine that becomes slower favors no contestant.
 */
export async function measure(
  passes: readonly Pass[],
  { rounds, share, core, onPass }: MeasureOptions,
): Promise<readonly Measurement[]> {
  const counted = passes.map((): CountedPass[] => []);
  for (let round = 0; round <= rounds; round += 1) {
    const inOrder = [...passes.entries()];
    for (const [index, { scenario, contestant, work }] of round % 2 === 0 ? inOrder : inOrder.toReversed()) {
      onPass(`round ${round} of ${rounds}: ${scenario.name}, ${contestant.name}`);
      const part = work.slice(0, Math.ceil(work.length * (round === 0 ? share / 4 : share)));
      const pass = await runUndisturbed(async () => {
        const stolenShare = watchStolenTime(core);
        const rate = rateOf(await contestant.run(part, scenario.inFlight), scenario, part);
        const stolen = stolenShare();
        onPass(`  ${rate.toFixed(0)} ${scenario.counts} a second, ${(100 * stolen).toFixed(1)} % of the cores stolen`);
        return { rate, stolen };
      }, round > 0);
      if (round > 0) counted[index]?.push(pass);
    }
  }
  return passes.map(({ scenario, contestant }, index) => ({
    scenario: scenario.name,
    contestant: contestant.name,
    rounds: counted[index]?.map(({ rate }) => rate) ?? [],
    stolen: counted[index]?.map(({ stolen }) => stolen) ?? [],
  }));
}

type CountedPass = Readonly<Record<'rate' | 'stolen', number>>;

/** @returns the pass from which the host withheld the least */
async function runUndisturbed(run: () => Promise<CountedPass>, mayRepeat: boolean): Promise<CountedPass> {
  const begin = performance.now();
  let best: CountedPass | null = null;
  do {
    await pause(restMs);
    const pass = await run();
    if (best === null || pass.stolen < best.stolen) best = pass;
  } while (mayRepeat && best.stolen > maxStolen && performance.now() - begin < repeatWithinMs);
  return best;
}

/** The tokens per second, of the kind that the scenario counts. */
function rateOf({ tokens, ms }: WorkResult, { counts }: Workload, work: readonly Work[]): number {
  const counted = counts === 'new tokens' ? tokens : sum(work.map(({ promptIds }) => promptIds.length));
  return (counted / ms) * 1_000;
}
