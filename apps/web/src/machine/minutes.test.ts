import { expect, it } from 'vitest';
import { MachineSeries } from './machine-series.ts';
import { minutesOf } from './minutes.ts';

it('takes the means of the known values of each minute, newest first', () => {
  const series = new MachineSeries(['tokens', 'busy']);
  series.add({ at: 600, values: { tokens: 10, busy: 1 } });
  series.add({ at: 601, values: { tokens: 30, busy: null } });
  series.add({ at: 660, values: { tokens: 0 } });

  expect(minutesOf(series, ['tokens', 'busy'])).toEqual([
    { at: 660, means: [0, null] },
    { at: 600, means: [20, 1] },
  ]);
});
