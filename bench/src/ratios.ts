/** Compares contestants round by round, because the machine may be faster or slower in another round. */
import type { Measurement } from './measure.ts';
import { median } from './statistics.ts';

export interface Comparison {
  readonly scenario: string;
  readonly ours: string;
  /** The best of these in each round is compared. */
  readonly others: readonly string[];
}

/** @returns the median of the quotients of all rounds: ours ÷ the best other; NaN when a contestant is missing */
export function ratioOf(measurements: readonly Measurement[], { scenario, ours, others }: Comparison): number {
  const roundsOf = (name: string): readonly number[] =>
    measurements.find((each) => each.scenario === scenario && each.contestant === name)?.rounds ?? [];
  const rivals = others.map(roundsOf);
  return median(
    roundsOf(ours).map((rate, round) => rate / Math.max(...rivals.map((rounds) => rounds[round] ?? Number.NaN))),
  );
}
