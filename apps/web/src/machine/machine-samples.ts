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
type Values = Record<SeriesName, number | null>;

/** The service gives jobs a second, over the last minute. */
const perMinute = (rate: number | undefined): number | null => (rate === undefined ? null : 60 * rate);

/** The sample of this moment. */
export function sampleOf({ now, queue, rates, latency }: MachineBody): Sample {
  const values: Values = {
    tokens: rates?.tokens ?? null,
    running: queue?.running ?? null,
    callers: queue?.callers ?? null,
    normal: queue?.normal ?? null,
    low: queue?.low ?? null,
    succeeded: perMinute(rates?.ended.succeeded),
    failed: perMinute(rates?.ended.failed),
    canceled: perMinute(rates?.ended.canceled),
    expired: perMinute(rates?.ended.expired),
    firstTokenP50: latency?.first_token_ms.p50 ?? null,
    firstTokenP95: latency?.first_token_ms.p95 ?? null,
    totalP50: latency?.total_ms.p50 ?? null,
    totalP95: latency?.total_ms.p95 ?? null,
    totalP99: latency?.total_ms.p99 ?? null,
  };
  return { at: secondOf(now), values };
}

/** The samples of the history, oldest first; none if the body has no history. */
export function historyOf({ history }: Pick<MachineBody, 'history'>): readonly Sample[] {
  if (history == null) return [];
  const { queue, rates, latency } = history;
  const columns: Record<SeriesName, readonly (number | null)[]> = {
    tokens: rates.tokens,
    running: queue.running,
    callers: queue.callers,
    normal: queue.normal,
    low: queue.low,
    succeeded: rates.ended.succeeded.map(perMinute),
    failed: rates.ended.failed.map(perMinute),
    canceled: rates.ended.canceled.map(perMinute),
    expired: rates.ended.expired.map(perMinute),
    firstTokenP50: latency.first_token_ms.p50,
    firstTokenP95: latency.first_token_ms.p95,
    totalP50: latency.total_ms.p50,
    totalP95: latency.total_ms.p95,
    totalP99: latency.total_ms.p99,
  };
  const first = secondOf(history.from);
  return rates.tokens.map((_, index) => ({
    at: first + index,
    values: Object.fromEntries(seriesNames.map((name) => [name, columns[name][index] ?? null])),
  }));
}

const secondOf = (time: string): number => Math.floor(Date.parse(time) / 1_000);
