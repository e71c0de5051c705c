/** Sends spans by OTLP over HTTP. Imported only if there is a collector, because it loads OpenTelemetry's libraries. */
import { type SpanContext, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace';
import { errorLine, type Logger, settleWithin, type TraceContext } from '@prosemill/core';
import type { Span, Tracing, TracingOptions } from './tracing.ts';

/** The most spans that wait; while the collector is away for longer, further spans are dropped. */
const maxQueueSize = 2_048;
/** The longest delay before a span is sent. */
const delayMs = 2_000;
/** The time limit of one request to the collector, including its retries. */
const requestLimitMs = 5_000;
const stopLimitMs = 2_000;

const kinds: Readonly<Record<Span['name'], SpanKind>> = {
  submit: SpanKind.SERVER,
  queue: SpanKind.INTERNAL,
  generate: SpanKind.INTERNAL,
  write: SpanKind.CLIENT,
};

export function exportSpans(options: TracingOptions & { readonly endpoint: string }): Tracing {
  const { endpoint, name, version, logger } = options;
  const resource = resourceFromAttributes({ 'service.name': `prosemill-${name}`, 'service.version': version });
  const url = new URL('v1/traces', endpoint.endsWith('/') ? endpoint : `${endpoint}/`).href;
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: requestLimitMs, concurrencyLimit: 2 });
  const processor = new BatchSpanProcessor({
    exporter: withLog(exporter, logger),
    maxQueueSize,
    scheduledDelayMillis: delayMs,
  });
  return {
    record: (span) => processor.onEnd(toReadableSpan(span, resource)),
    async stop() {
      await settleWithin(stopLimitMs, processor.shutdown());
    },
  };
}

/** Logs one line when the collector goes away and one when it is back. */
function withLog(exporter: OTLPTraceExporter, logger: Logger): SpanExporter {
  let isAway = false;
  return {
    export(spans, onResult) {
      exporter.export(spans, (result) => {
        if (result.error !== undefined && !isAway) {
          logger.warn({ reason: errorLine(result.error) }, 'the collector of traces does not take spans');
        } else if (result.error === undefined && isAway) logger.info({}, 'the collector of traces takes spans again');
        isAway = result.error !== undefined;
        onResult(result);
      });
    },
    shutdown: async () => await exporter.shutdown(),
  };
}

function toReadableSpan(span: Span, resource: Resource): ReadableSpan {
  const { name, context, parent, startedAtMs, endedAtMs, attributes, errorCode } = span;
  return {
    name,
    kind: kinds[name],
    spanContext: () => toSpanContext(context),
    ...(parent === null ? {} : { parentSpanContext: toSpanContext(parent) }),
    startTime: toHrTime(startedAtMs),
    endTime: toHrTime(endedAtMs),
    duration: toHrTime(endedAtMs - startedAtMs),
    status: errorCode === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR },
    attributes: errorCode === undefined ? attributes : { ...attributes, 'error.type': errorCode },
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: { name: 'prosemill' },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

const toSpanContext = ({ traceId, spanId, isSampled }: TraceContext): SpanContext => ({
  traceId,
  spanId,
  traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
});

/** Converts milliseconds to [seconds, nanoseconds]. */
function toHrTime(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1e6)];
}
