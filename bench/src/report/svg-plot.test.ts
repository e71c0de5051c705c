import { expect, it } from 'vitest';
import { plotBars } from './svg-plot.ts';

it('gives the longest bar the full width and the others their share, and escapes text', () => {
  const bar = { min: 0, isOurs: false };
  const svg = plotBars([
    {
      title: 'A & B',
      unit: '<t>/s',
      bars: [
        { ...bar, label: 'one', value: 100, max: 100 },
        { ...bar, label: 'two', value: 25, max: 30 },
      ],
    },
  ]);
  const widths = [...svg.matchAll(/<rect [^>]*width="([\d.]+)"/g)].map(([, width]) => Number(width));
  expect(widths[1]).toBeCloseTo((widths[0] ?? 0) / 4);
  expect(svg).toContain('A &amp; B (&lt;t>/s)');
});
