/** The levels and counts of a trace of jobs, second by second. Pure. */
import type { JobTrace, LevelName, SecondCount } from './ports/measure-store.ts';

/** @returns the mean of a level in each second of the span */
export function meanLevels({ changes }: Pick<JobTrace, 'changes'>, name: LevelName, seconds: number): number[] {
  const changed = new Float64Array(seconds);
  const means = new Float64Array(seconds);
  for (const { level, second, change, weightedChange } of changes) {
    if (level !== name || second >= seconds) continue;
    changed[second] = (changed[second] ?? 0) + change;
    means[second] = (means[second] ?? 0) + weightedChange;
  }
  let level = 0;
  return Array.from(means, (mean, second) => {
    const before = level;
    level += changed[second] ?? 0;
    // The sum of all changes is 0 but for rounding.
    return Math.max(0, before + mean);
  });
}

/** @returns the count in each second of the span */
export function secondCounts(
  { counts }: Pick<JobTrace, 'counts'>,
  name: SecondCount['type'],
  seconds: number,
): number[] {
  const perSecond = Array.from({ length: seconds }, () => 0);
  for (const { type, second, count } of counts) if (type === name && second < seconds) perSecond[second] = count;
  return perSecond;
}
