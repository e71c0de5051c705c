import { expect, it } from 'vitest';
import { ChartWindow } from './chart-window.ts';
import { keptSeconds } from './machine-series.ts';

it('ends with the newest second', () => {
  const window = new ChartWindow();
  window.advance(1_000);
  expect(window.span()).toEqual([1_000 - keptSeconds, 1_000]);

  window.advance(1_001);
  expect(window.span()).toEqual([1_001 - keptSeconds, 1_001]);
});

it('stands still while the reader points at a moment, and catches up afterwards', () => {
  const window = new ChartWindow();
  window.advance(1_000);
  window.point(990);
  window.advance(1_005);
  window.point(991);
  expect([window.moment.value, window.span()]).toEqual([991, [1_000 - keptSeconds, 1_000]]);

  window.point(null);
  expect([window.moment.value, window.span()]).toEqual([null, [1_005 - keptSeconds, 1_005]]);
});
