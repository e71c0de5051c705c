/** The numbers of a process, in Prometheus's text format. One registry a process, whatever parts run in it. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

export type Labels<Name extends string> = Readonly<Record<Name, string>>;

interface MetricName {
  /** `prosemill_…`, with its unit; a counter ends in `_total`. */
  readonly name: string;
  /** What it counts, as a sentence. */
  readonly help: string;
}

interface LabelledMetric<Label extends string> extends MetricName {
  /** Their values are few and known beforehand: never an id, a path or a word of a client. */
  readonly labels: readonly Label[];
}

export interface Sample<Label extends string> {
  readonly labels: Labels<Label>;
  readonly value: number;
}

/** Of one of these each series is there from the start, at 0: a rise from nothing would not be seen as one. */
interface CountedBy<Label extends string, Value extends string> extends MetricName {
  readonly label: Label;
  readonly values: readonly Value[];
}

interface Buckets {
  /** Upper bounds, in the unit of the name. */
  readonly buckets: readonly number[];
}

/** Every method but `read` throws for a name that is taken. */
export interface Metrics {
  readonly contentType: string;
  /** All of them as they are now. What is `max` of the event loop's delay is since the last reading. */
  read(): Promise<string>;
  /** @returns a function that adds 1, or what it is given */
  counter(metric: MetricName): (count?: number) => void;
  /** @returns a function that adds 1, or what it is given, to the series of a value */
  counters<Label extends string, Value extends string>(
    metric: CountedBy<Label, Value>,
  ): (value: Value, count?: number) => void;
  /** @param current  Called at each reading. */
  gauge(metric: MetricName, current: () => number): void;
  /** @param current  Called at each reading; a series that it leaves out is not there. */
  gauges<Label extends string>(metric: LabelledMetric<Label>, current: () => readonly Sample<Label>[]): void;
  /** @returns a function that takes one value */
  histogram(metric: MetricName & Buckets): (value: number) => void;
  histograms<Label extends string>(
    metric: LabelledMetric<Label> & Buckets,
  ): (value: number, labels: Labels<Label>) => void;
}

/** Seconds, of what takes from milliseconds to minutes. */
export const durationBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800] as const;

/** With Node's own numbers: memory, processor, and `nodejs_eventloop_lag_*`, how late the event loop's turns come. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
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
    gauges({ name, help, labels: labelNames }, current) {
      const gauge: Gauge = new Gauge({
        name,
        help,
        labelNames: [...labelNames],
        registers,
        collect() {
          gauge.reset();
          for (const { labels, value } of current()) gauge.set({ ...labels }, value);
        },
      });
    },
    histogram({ name, help, buckets }) {
      const histogram = new Histogram({ name, help, buckets: [...buckets], registers });
      return (value) => histogram.observe(value);
    },
    histograms({ name, help, buckets, labels: labelNames }) {
      const histogram = new Histogram<string>({
        name,
        help,
        buckets: [...buckets],
        labelNames: [...labelNames],
        registers,
      });
      return (value, labels) => histogram.observe({ ...labels }, value);
    },
  };
}
