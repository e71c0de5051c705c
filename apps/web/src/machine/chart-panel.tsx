/** A chart with its title, and a legend that tells the values of the moment that the reader points at. */
import { useComputed } from '@preact/signals';
import { Chart, type ChartLine, type ChartProps, dashes } from './chart.tsx';

export function ChartPanel(props: ChartProps) {
  return (
    <figure class="chart-panel">
      <figcaption>{props.title}</figcaption>
      <ul class="chart-legend small">
        {props.lines.map((line, index) => (
          <LegendLine key={line.key} line={line} index={index} {...props} />
        ))}
      </ul>
      <Chart {...props} />
    </figure>
  );
}

interface LegendLineProps extends Pick<ChartProps, 'series' | 'window' | 'tick' | 'format'> {
  readonly line: ChartLine;
  readonly index: number;
}

function LegendLine({ line, index, series, window, tick, format }: LegendLineProps) {
  const value = useComputed(() => {
    void tick.value;
    return format(series.valueAt(line.key, window.moment.value));
  });
  return (
    <li>
      <svg class={`chart-mark chart-mark-${index + 1}`} viewBox="0 0 24 4" width="24" height="4" aria-hidden="true">
        <line x1="0" y1="2" x2="24" y2="2" stroke-dasharray={dashes[index]?.join(' ')} />
      </svg>
      {line.name} <b class="figures">{value}</b>
    </li>
  );
}
