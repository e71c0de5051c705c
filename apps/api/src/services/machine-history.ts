/** The past of the machine, from a trace of its jobs and the times of those that succeeded. Pure. */
import type { Latency, MachineHistory, Quantiles } from '@prosemill/contract';
import {
  type JobTrace,
  meanLevels,
  type MeasuredTime,
  mergeHistograms,
  quantilesOf,
  secondCounts,
  type Tally,
  type TimeCount,
  type TimeHistogram,
} from '@prosemill/core';

/** Rates of jobs are those of the last minute. */
export const rateSeconds = 60;
/** Latencies are those of the last five minutes, in steps of the past. */
export const latencySeconds = 300;
export const latencyStepSeconds = 15;

export const latencyOf = (counts: readonly TimeCount[]): Latency<number | null> =>
  latencyBy((time) => quantiles(mergeHistograms(windowsOf(counts, time).values())));

/**
 * The past of some seconds.
 * @param trace  Of these seconds and the `rateSeconds` before them.
 * @param times  In windows of `latencyStepSeconds`, of these seconds and the `latencySeconds` before them.
 */
export function historyOf(trace: JobTrace, times: readonly TimeCount[], seconds: number): MachineHistory {
  const traced = rateSeconds + seconds;
  return {
    until: trace.now,
    levelOf: (level) => meanLevels(trace, level, traced).slice(rateSeconds),
    ratesOf: (type) => ratesOf(secondCounts(trace, type, traced)),
    latency: latencyBy((time) => pastQuantiles(windowsOf(times, time), seconds)),
  };
}

/** Means over a minute, of each second but the first ones. */
function ratesOf(counts: readonly number[]): readonly number[] {
  let sum = 0;
  const rates = counts.map((count, second) => {
    sum += count - (counts[second - rateSeconds] ?? 0);
    return sum / rateSeconds;
  });
  return rates.slice(rateSeconds);
}

/** The quantiles at each second. They change with each step. */
function pastQuantiles(windows: ReadonlyMap<number, TimeHistogram>, seconds: number) {
  const windowsPerValue = latencySeconds / latencyStepSeconds;
  const steps = Array.from({ length: Math.ceil(seconds / latencyStepSeconds) }, (_, step) => {
    const parts = Array.from({ length: windowsPerValue }, (__, index) => windows.get(step + index) ?? new Map());
    return quantiles(mergeHistograms(parts));
  });
  const seriesOf = (name: keyof ReturnType<typeof quantiles>) =>
    Array.from({ length: seconds }, (_, second) => {
      return steps[Math.floor((seconds - 1 - second) / latencyStepSeconds)]?.[name] ?? null;
    });
  return { p50: seriesOf('p50'), p95: seriesOf('p95'), p99: seriesOf('p99') };
}

/** The errors of estimates, which are counted in thousandths. */
export function estimateErrorOf(tallies: readonly Tally[]): Quantiles<number | null> {
  const errors = tallies.filter(({ name }) => name === 'estimate-error');
  const { p50, p95, p99 } = quantiles(new Map(errors.map(({ bucket, count }) => [bucket, count])));
  return { p50: shareOf(p50), p95: shareOf(p95), p99: shareOf(p99) };
}

const shareOf = (thousandths: number | null): number | null => (thousandths === null ? null : thousandths / 1_000);

function quantiles(histogram: TimeHistogram) {
  const [p50 = null, p95 = null, p99 = null] = quantilesOf(histogram, [0.5, 0.95, 0.99]);
  return { p50, p95, p99 };
}

function windowsOf(counts: readonly TimeCount[], time: MeasuredTime): ReadonlyMap<number, TimeHistogram> {
  const ofTime = counts.filter((each) => each.time === time);
  const byWindow = Map.groupBy(ofTime, ({ window }) => window);
  return new Map(
    [...byWindow].map(([window, all]) => [window, new Map(all.map(({ bucket, count }) => [bucket, count]))]),
  );
}

const latencyBy = <Value>(valueOf: (time: MeasuredTime) => Value): Readonly<Record<MeasuredTime, Value>> => ({
  queue: valueOf('queue'),
  firstToken: valueOf('firstToken'),
  total: valueOf('total'),
});
