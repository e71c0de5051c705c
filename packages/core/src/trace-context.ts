/** The trace to which a request and its job belong. @see https://www.w3.org/TR/trace-context/ */

/** A reference to a span. */
export interface TraceContext {
  /** 32 hexadecimal digits, not all zero. */
  readonly traceId: string;
  /** 16 hexadecimal digits, not all zero. */
  readonly spanId: string;
  /** True when earlier services record the trace. Only spans of such traces are exported. */
  readonly isSampled: boolean;
}

/** A version above 00 may have more parts after the four known ones. */
const traceparent =
  /^(?!ff)(?:00(?=.{53}$)|(?!00)[0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const sampledFlag = 1;

/** @returns null for a header that is missing or invalid, which the standard says to ignore */
export function parseTraceparent(header: string | null | undefined): TraceContext | null {
  const [, traceId, spanId, flags] = traceparent.exec(header ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & sampledFlag) !== 0 };
}

export const formatTraceparent = ({ traceId, spanId, isSampled }: TraceContext): string =>
  `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`;

/** A new span: in the trace of its parent, or in a new trace, which is sampled. */
export const childOf = (parent: TraceContext | null): TraceContext => ({
  traceId: parent?.traceId ?? randomDigits(),
  spanId: randomDigits().slice(16),
  isSampled: parent?.isSampled ?? true,
});

/** The 32 digits of a UUID v4, whose first and second half are never all zero. */
const randomDigits = (): string => crypto.randomUUID().replaceAll('-', '');
