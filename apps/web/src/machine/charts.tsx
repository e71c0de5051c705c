/** The charts of the machine, which share one span of time and one moment. */
import { useSignal } from '@preact/signals';
import { formatCount, formatMs, none } from '../format.ts';
import type { ChartProps } from './chart.tsx';
import { ChartPanel } from './chart-panel.tsx';
import { ChartTable } from './chart-table.tsx';
import type { MachineWatch } from './machine-watch.ts';
import { MomentSlider } from './moment-slider.tsx';

const formatNumber = (value: number | null): string => (value === null ? none : formatCount(value));

const charts: readonly Pick<ChartProps, 'title' | 'lines' | 'format'>[] = [
  { title: 'Tokens a second', lines: [{ key: 'tokens', name: 'tokens' }], format: formatNumber },
  { title: 'Busy slots', lines: [{ key: 'running', name: 'busy' }], format: formatNumber },
  {
    title: 'Waiting jobs',
    lines: [
      { key: 'callers', name: 'with a caller' },
      { key: 'normal', name: 'normal' },
      { key: 'low', name: 'low priority' },
    ],
    format: formatNumber,
  },
  {
    title: 'Time to the first token',
    lines: [
      { key: 'firstTokenP50', name: 'p50' },
      { key: 'firstTokenP95', name: 'p95' },
    ],
    format: formatMs,
  },
  {
    title: 'Time from submit to text',
    lines: [
      { key: 'totalP50', name: 'p50' },
      { key: 'totalP95', name: 'p95' },
      { key: 'totalP99', name: 'p99' },
    ],
    format: formatMs,
  },
  {
    title: 'Ended jobs a minute',
    lines: [
      { key: 'succeeded', name: 'done' },
      { key: 'failed', name: 'failed' },
      { key: 'canceled', name: 'canceled' },
      { key: 'expired', name: 'expired' },
    ],
    format: formatNumber,
  },
];

export function Charts({ watch: { series, window, tick } }: { readonly watch: MachineWatch }) {
  const isTable = useSignal(false);
  return (
    <section class="panel" aria-labelledby="charts-title">
      <div class="bar charts-head">
        <h2 id="charts-title">The last 15 minutes</h2>
        <button type="button" aria-pressed={isTable} onClick={() => (isTable.value = !isTable.value)}>
          Show as table
        </button>
      </div>
      {isTable.value ? null : <MomentSlider window={window} tick={tick} />}
      <div class="charts">
        {charts.map((chart) =>
          isTable.value ? (
            <ChartTable key={chart.title} {...chart} series={series} tick={tick} />
          ) : (
            <ChartPanel key={chart.title} {...chart} series={series} window={window} tick={tick} />
          ),
        )}
      </div>
    </section>
  );
}
