import { expect, it } from 'vitest';
import { keptSeconds, MachineSeries } from './machine-series.ts';

it('keeps the last 15 minutes', () => {
  const series = new MachineSeries(['tokens']);
  for (let at = 1; at <= keptSeconds + 10; at += 1) series.add({ at, values: { tokens: at } });

  const [times, tokens] = series.columns(['tokens']);
  expect(times).toHaveLength(keptSeconds + 1);
  expect([times[0], times.at(-1)]).toEqual([10, keptSeconds + 10]);
  expect([tokens?.[0], tokens?.at(-1)]).toEqual([10, keptSeconds + 10]);
});

it('leaves out samples that it has already', () => {
  const series = new MachineSeries(['tokens']);
  for (const at of [1, 2, 2, 1, 3]) series.add({ at, values: { tokens: at } });

  expect(series.columns(['tokens'])).toEqual([
    [1, 2, 3],
    [1, 2, 3],
  ]);
});

it('shows a silence as a gap', () => {
  const series = new MachineSeries(['tokens']);
  series.add({ at: 1, values: { tokens: 5 } });
  series.add({ at: 60, values: { tokens: 7 } });

  expect(series.columns(['tokens'])).toEqual([
    [1, 2, 60],
    [5, null, 7],
  ]);
});

it('sums the known values of a span', () => {
  const series = new MachineSeries(['failed']);
  expect(series.sum('failed', 10)).toBeNull();
  for (const [at, failed] of [
    [1, 9],
    [2, null],
    [11, 1],
    [12, 2],
  ] as const) {
    series.add({ at, values: { failed } });
  }

  expect(series.sum('failed', 10)).toBe(3);
  expect(series.sum('failed', 100)).toBe(12);
});

it('knows the values of each moment', () => {
  const series = new MachineSeries(['tokens']);
  expect(series.valueAt('tokens', null)).toBeNull();
  for (const at of [1, 2, 3]) series.add({ at, values: { tokens: 10 * at } });

  expect(series.valueAt('tokens', null)).toBe(30);
  expect(series.valueAt('tokens', 2.5)).toBe(20);
  expect(series.valueAt('tokens', 0.5)).toBeNull();
});
