/** The metrics of a process in Prometheus's text format. Each process has one registry for all its parts. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

export type Labels<Name extends string> = Readonly<Record<Name, string>>;

interface MetricName {
  /** `prosemill_…`, with its unit; a counter ends in `_total`. */
  readonly name: string;
  readonly help: string;
}

interface LabelledMetric<Label extends string> extends MetricName {
  /** The names of labels. Label values must be few and known beforehand: never an id, a path or a client's text. */
  readonly labels: readonly Label[];
}

export interface Sample<Label extends string> {
  readonly labels: Labels<Label>;
  readonly value: number;
}

/** Every series starts at 0, so that `rate()` sees the first increment. */
interface CountedBy<Label extends string, Value extends string> extends MetricName {
  readonly label: Label;
  readonly values: readonly Value[];
}

interface Buckets {
  /** Upper bounds, in the unit of the name. */
  readonly buckets: readonly number[];
}

/** Every method except `read` throws if the name is taken. */
export interface Metrics {
  readonly contentType: string;
  /** The current values of all metrics. The maximum delay of the event loop is the one since the last reading. */
  read(): Promise<string>;
  /** @returns a function that adds 1 or the given number */
  counter(metric: MetricName): (count?: number) => void;
  /** @returns a function that adds 1 or the given number to the series of a label value */
  counters<Label extends string, Value extends string>(
    metric: CountedBy<Label, Value>,
  ): (value: Value, count?: number) => void;
  /** @param current  Called at each reading. */
  gauge(metric: MetricName, current: () => number): void;
  /** @param current  Returns the series at each reading. */
  gauges<Label extends string>(metric: LabelledMetric<Label>, current: () => readonly Sample<Label>[]): void;
  histogram(metric: MetricName & Buckets): (value: number) => void;
  histograms<Label extends string>(
    metric: LabelledMetric<Label> & Buckets,
  ): (value: number, labels: Labels<Label>) => void;
}

/** Upper bounds in seconds, for durations from milliseconds to minutes. */
export const durationBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800] as const;

/**
 * The delay of the event loop is the time from one tick of a timer to its next, so it is at least this interval. Each
 * tick wakes the process, and in the worker takes a core from the engine: with the default, 10 ms, ticks were 8 of the
 * 18 times that it woke for each job of a full queue.
 */
const delayIntervalMs = 100;

/** Includes the metrics of Node: memory, CPU, and `nodejs_eventloop_lag_*`, the delay of the event loop. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: delayIntervalMs });
  return {
    contentType: registry.contentType,
    read: async () => await registry.metrics(),
    counter(metric) {
      const counter = new Counter({ ...metric, registers });
      return (count = 1) => counter.inc(count);
    },
    counters({ name, help, label, values }) {
      const counter = new Counter<string>({ name, help, labelNames: [label], registers });
      for (const value of values) counter.inc({ [label]: value }, 0);
      return (value, count = 1) => counter.inc({ [label]: value }, count);
    },
    gauge(metric, current) {
      const gauge: Gauge = new Gauge({ ...metric, registers, collect: () => gauge.set(current()) });
    },
    gauges({ labels: labelNames, ...metric }, current) {
      const collect = (): void => {
        gauge.reset();
        for (const { labels, value } of current()) gauge.set({ ...labels }, value);
      };
      const gauge: Gauge = new Gauge({ ...metric, labelNames: [...labelNames], registers, collect });
    },
    histogram({ name, help, buckets }) {
      const histogram = new Histogram({ name, help, buckets: [...buckets], registers });
      return (value) => histogram.observe(value);
    },
    histograms({ buckets, labels, ...metric }) {
      const options = { ...metric, buckets: [...buckets], labelNames: [...labels], registers };
      const histogram = new Histogram<string>(options);
      return (value, labelValues) => histogram.observe({ ...labelValues }, value);
    },
  };
}
