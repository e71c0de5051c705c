/** The body of `GET /machine` as samples of the series that the charts draw. */
import type { MachineBody } from '@prosemill/contract';
import type { Sample } from './machine-series.ts';

export const seriesNames = [
  'tokens',
  'running',
  'callers',
  'normal',
  'low',
  'succeeded',
  'failed',
  'canceled',
  'expired',
  'firstTokenP50',
  'firstTokenP95',
  'totalP50',
  'totalP95',
  'totalP99',
] as const;
type SeriesName = (typeof seriesNames)[number];

/** The present of the machine, where a value is a number, or its past, where a value is a list of them. */
interface Measures<Value> {
  readonly queue: Readonly<Record<'callers' | 'normal' | 'low' | 'running', Value>> | null;
  readonly rates: { readonly tokens: Value; readonly ended: Readonly<Record<EndedName, Value>> } | null;
  readonly latency: {
    readonly first_token_ms: Readonly<Record<'p50' | 'p95', Value>>;
    readonly total_ms: Readonly<Record<'p50' | 'p95' | 'p99', Value>>;
  } | null;
}

const endedNames = ['succeeded', 'failed', 'canceled', 'expired'] as const satisfies readonly SeriesName[];
type EndedName = (typeof endedNames)[number];

const seriesOf = <Value>({ queue, rates, latency }: Measures<Value>): Record<SeriesName, Value | undefined> => ({
  tokens: rates?.tokens,
  running: queue?.running,
  callers: queue?.callers,
  normal: queue?.normal,
  low: queue?.low,
  succeeded: rates?.ended.succeeded,
  failed: rates?.ended.failed,
  canceled: rates?.ended.canceled,
  expired: rates?.ended.expired,
  firstTokenP50: latency?.first_token_ms.p50,
  firstTokenP95: latency?.first_token_ms.p95,
  totalP50: latency?.total_ms.p50,
  totalP95: latency?.total_ms.p95,
  totalP99: latency?.total_ms.p99,
});

const perMinute: ReadonlySet<SeriesName> = new Set(endedNames);

/** The service gives jobs a second, over the last minute. The charts show jobs a minute. */
function sampleAt(at: number, valueOf: (name: SeriesName) => number | null | undefined): Sample {
  const values = seriesNames.map((name) => {
    const value = valueOf(name) ?? null;
    return [name, value !== null && perMinute.has(name) ? 60 * value : value];
  });
  return { at, values: Object.fromEntries(values) as Sample['values'] };
}

/** The sample of this moment. */
export function sampleOf(body: MachineBody): Sample {
  const present = seriesOf<number | null>(body);
  return sampleAt(secondOf(body.now), (name) => present[name]);
}

/** The samples of the history, oldest first; none if the body has no history. */
export function historyOf({ history }: Pick<MachineBody, 'history'>): readonly Sample[] {
  if (history == null) return [];
  const past = seriesOf<readonly (number | null)[]>(history);
  const first = secondOf(history.from);
  return history.rates.tokens.map((_, index) => sampleAt(first + index, (name) => past[name]?.[index]));
}

const secondOf = (time: string): number => Math.floor(Date.parse(time) / 1_000);
