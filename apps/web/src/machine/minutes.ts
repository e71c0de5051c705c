/** The series of the machine by the minute, for readers of tables. */
import type { MachineSeries } from './machine-series.ts';

export interface Minute {
  /** The beginning of the minute, in seconds since 1970. */
  readonly at: number;
  /** The means of the known values, in the order of the names; null where none is known. */
  readonly means: readonly (number | null)[];
}

/** Newest first. */
export function minutesOf(series: MachineSeries, names: readonly string[]): readonly Minute[] {
  const [times, ...columns] = series.columns(names);
  const indexes = Map.groupBy(times.keys(), (index) => Math.floor((times[index] ?? 0) / 60));
  return [...indexes]
    .map(([minute, inside]) => ({
      at: 60 * minute,
      means: columns.map((column) => mean(inside.flatMap((index) => column[index] ?? []))),
    }))
    .toReversed();
}

const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
