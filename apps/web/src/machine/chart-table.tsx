/** The values of a chart as a table. */
import type { ReadonlySignal } from '@preact/signals';
import { formatClock } from '../format.ts';
import type { ChartProps } from './chart.tsx';
import { minutesOf } from './minutes.ts';

export type ChartTableProps = Pick<ChartProps, 'title' | 'lines' | 'series' | 'format'> & {
  readonly tick: ReadonlySignal<number>;
};

export function ChartTable({ title, lines, series, tick, format }: ChartTableProps) {
  void tick.value;
  const minutes = minutesOf(
    series,
    lines.map(({ key }) => key),
  );
  return (
    <table class="chart-table figures small">
      <caption>{title}, means of each minute</caption>
      <thead>
        <tr>
          <th scope="col">From</th>
          {lines.map(({ key, name }) => (
            <th key={key} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {minutes.map(({ at, means }) => (
          <tr key={at}>
            <th scope="row">{formatClock(new Date(at * 1_000).toISOString())}</th>
            {lines.map(({ key }, index) => (
              <td key={key}>{format(means[index] ?? null)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
