/** Spans of jobs on their way, for whoever collects them with OpenTelemetry. */
import type { Logger, TraceContext } from '@prosemill/core';

/** Something that took its time; told when it is over. */
export interface Span {
  readonly name: 'submit' | 'queue' | 'generate' | 'write';
  readonly context: TraceContext;
  /** Null: it is the first of its trace. */
  readonly parent: TraceContext | null;
  /** Milliseconds since 1970, by the clock of this process. */
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Ids, names and numbers; never a prompt, a text or a key. */
  readonly attributes: Readonly<Record<string, string | number>>;
  /** What went wrong, as a code; absent: nothing. */
  readonly errorCode?: string;
}

export interface Tracing {
  /** Never throws and never waits; what cannot be sent is dropped. */
  record(span: Span): void;
  /** Sends what is left, for two seconds at most. Idempotent. */
  stop(): Promise<void>;
}

export interface TracingOptions {
  /** `OTEL_EXPORTER_OTLP_ENDPOINT`; undefined: spans are dropped, and no library is loaded for them. */
  readonly endpoint: string | undefined;
  /** Which process speaks: `api`, `worker`, `standalone`. */
  readonly name: string;
  readonly version: string;
  readonly logger: Logger;
}

/** Spans are dropped. */
export const noTracing: Tracing = { record: () => undefined, stop: async () => undefined };

export async function createTracing({ endpoint, ...options }: TracingOptions): Promise<Tracing> {
  if (endpoint === undefined) return noTracing;
  const { exportSpans } = await import('./export-spans.ts');
  return exportSpans({ endpoint, ...options });
}

/** How log lines name a span. @see https://opentelemetry.io/docs/specs/otel/compatibility/logging_trace_context/ */
export const logFieldsOfTrace = ({ traceId, spanId }: TraceContext) => ({ trace_id: traceId, span_id: spanId });
