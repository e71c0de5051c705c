/** The spans of a job, for collectors of OpenTelemetry. */
import type { Logger, TraceContext } from '@prosemill/core';

/** An operation with a duration, which is recorded when it is over. */
export interface Span {
  readonly name: 'submit' | 'queue' | 'generate' | 'write';
  readonly context: TraceContext;
  /** Null for the first span of a trace. */
  readonly parent: TraceContext | null;
  /** Milliseconds since 1970, by the clock of this process. */
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Ids, names and numbers; never a prompt, a text or a key. */
  readonly attributes: Readonly<Record<string, string | number>>;
  /** The error code of a failed operation. */
  readonly errorCode?: string;
}

export interface Tracing {
  /** Never throws and never waits. Spans that cannot be sent are dropped. */
  record(span: Span): void;
  /** Sends the remaining spans, within two seconds. Idempotent. */
  stop(): Promise<void>;
}

export interface TracingOptions {
  /** `OTEL_EXPORTER_OTLP_ENDPOINT`; undefined: spans are dropped, and no library is loaded for them. */
  readonly endpoint: string | undefined;
  /** The process that records: `api`, `worker` or `standalone`. */
  readonly name: string;
  readonly version: string;
  readonly logger: Logger;
}

export const noTracing: Tracing = { record: () => undefined, stop: async () => undefined };

export async function createTracing({ endpoint, ...options }: TracingOptions): Promise<Tracing> {
  if (endpoint === undefined) return noTracing;
  const { exportSpans } = await import('./export-spans.ts');
  return exportSpans({ endpoint, ...options });
}

/** The log fields of a span. @see https://opentelemetry.io/docs/specs/otel/compatibility/logging_trace_context/ */
export const logFieldsOfTrace = ({ traceId, spanId }: TraceContext) => ({ trace_id: traceId, span_id: spanId });
