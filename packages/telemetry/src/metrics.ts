/** The numbers of a process, in Prometheus's text format. One registry a process, whatever parts run in it. */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';

interface MetricName {
  /** `prosemill_…`, with its unit; a counter ends in `_total`. */
  readonly name: string;
  /** What it counts, as a sentence. */
  readonly help: string;
}

export interface Metrics {
  readonly contentType: string;
  /** All of them as they are now. What is `max` of the event loop's delay is since the last reading. */
  read(): Promise<string>;
  /** @returns a function that adds 1, or what it is given. @throws for a name that is taken */
  counter(metric: MetricName): (count?: number) => void;
  /** @param current  Called at each reading. @throws for a name that is taken */
  gauge(metric: MetricName, current: () => number): void;
}

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
    gauge(metric, current) {
      const gauge: Gauge = new Gauge({ ...metric, registers, collect: () => gauge.set(current()) });
    },
  };
}
