/** A chart of some lines over the last 15 minutes. The one file that knows uPlot. */
import { type ReadonlySignal, useComputed } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { formatClock } from '../format.ts';
import { settings } from '../settings.ts';
import type { ChartWindow } from './chart-window.ts';
import type { Columns, MachineSeries } from './machine-series.ts';

export interface ChartLine {
  /** In the series of the machine. */
  readonly key: string;
  readonly name: string;
}

export interface ChartProps {
  readonly title: string;
  readonly lines: readonly ChartLine[];
  readonly series: MachineSeries;
  readonly window: ChartWindow;
  /** Changes whenever the series have changed. */
  readonly tick: ReadonlySignal<number>;
  readonly format: (value: number | null) => string;
}

/** Lines differ by their dashes too. The colours are those of `--chart-1` and so on. */
export const dashes: readonly (readonly number[])[] = [[], [6, 3], [2, 2], [8, 2, 2, 2]];
const height = 160;
/** Jobs, tokens and milliseconds: the lines of the grid are at whole numbers. */
const wholeSteps = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

export function Chart({ title, lines, series, window, tick, format }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(
    () => (box.current === null ? undefined : mountPlot(box.current, { lines, series, window, tick, format })),
    [lines, series, window, tick, format],
  );
  const label = useComputed(() => {
    void tick.value;
    return `${title}: ${lines.map((line) => sentenceOf(line, series, format)).join('; ')}`;
  });
  return <div class="chart" role="img" aria-label={label} ref={box} />;
}

/** Draws while it is in view. @returns ends it */
function mountPlot(element: HTMLElement, props: Omit<ChartProps, 'title'>): () => void {
  const { lines, series, window, tick } = props;
  const columns = (): uPlot.AlignedData => toPlotData(series.columns(lines.map(({ key }) => key)));
  const plot = new uPlot(optionsOf(element, props), columns(), element);
  plot.over.addEventListener('pointermove', ({ offsetX }) => window.point(momentAt(plot, offsetX)));
  plot.over.addEventListener('pointerleave', () => window.point(null));
  let isInView = false;
  let isDrawn = false;
  // Once in any case: the whole page may be printed.
  const draw = (): void => {
    if (!isInView && isDrawn) return;
    isDrawn = series.newest !== undefined;
    plot.setData(columns());
  };
  const seen = new IntersectionObserver(([entry]) => {
    isInView = entry?.isIntersecting === true;
    draw();
  });
  seen.observe(element);
  const sized = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
  sized.observe(element);
  const stops = [
    tick.subscribe(draw),
    window.moment.subscribe((moment) => showMoment(plot, moment)),
    onColourChange(() => plot.redraw(false)),
  ];
  return () => {
    seen.disconnect();
    sized.disconnect();
    for (const stop of stops) stop();
    plot.destroy();
  };
}

/** uPlot's type of a column is mutable, though it changes none. */
const toPlotData = ([times, ...values]: Columns): uPlot.AlignedData => [times, ...values];

function sentenceOf({ key, name }: ChartLine, series: MachineSeries, format: ChartProps['format']): string {
  const [, values = []] = series.columns([key]);
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return `${name} is not known`;
  const most = known.reduce((a, b) => Math.max(a, b), 0);
  return `${name} is ${format(values.at(-1) ?? null)} now and was ${format(most)} at most`;
}

/** That of the place, not of the nearest sample: the past may arrive after the pointer. Null: there is no sample. */
const momentAt = (plot: uPlot, left: number): number | null =>
  plot.data[0].length === 0 ? null : Math.round(plot.posToVal(left, 'x'));

function showMoment(plot: uPlot, moment: number | null): void {
  const isOutside = moment === null || plot.data[0].length === 0;
  const left = isOutside ? -10 : plot.valToPos(moment, 'x');
  plot.setCursor({ left, top: isOutside ? -10 : 0 });
}

/** @returns stops */
function onColourChange(redraw: () => void): () => void {
  const queries = ['(prefers-color-scheme: dark)', '(forced-colors: active)'].map((query) => matchMedia(query));
  for (const query of queries) query.addEventListener('change', redraw);
  const stop = settings.theme.current.subscribe(redraw);
  return () => {
    stop();
    for (const query of queries) query.removeEventListener('change', redraw);
  };
}

type PlotProps = Pick<ChartProps, 'lines' | 'window' | 'format'>;

function optionsOf(element: HTMLElement, { lines, window, format }: PlotProps): uPlot.Options {
  const colour = (name: string) => () => getComputedStyle(element).getPropertyValue(`--chart-${name}`);
  const grid = { stroke: colour('grid'), width: 1 };
  const { fontFamily, fontSize } = getComputedStyle(element);
  const size = Number.parseFloat(fontSize);
  const axis = { stroke: colour('axis'), grid, ticks: { show: false }, font: `${size}px ${fontFamily}` };
  return {
    width: Math.max(1, element.clientWidth),
    height,
    legend: { show: false },
    padding: [8, 8, 0, 0],
    cursor: { y: false, drag: { x: false, setScale: false } },
    scales: {
      x: { time: true, range: () => window.span() },
      y: { range: { min: { pad: 0, hard: 0, soft: 0, mode: 1 }, max: { pad: 0.1, soft: 1, mode: 2 } } },
    },
    axes: [
      {
        ...axis,
        size: 2.5 * size,
        values: (_, splits) => splits.map((at) => formatClock(new Date(at * 1_000).toISOString())),
      },
      {
        ...axis,
        size: 4.5 * size,
        incrs: [...wholeSteps],
        values: (_, splits) => splits.map((value) => format(value)),
      },
    ],
    series: [
      {},
      ...lines.map((_, index) => ({
        stroke: colour(String(index + 1)),
        width: 1.5,
        dash: [...(dashes[index] ?? [])],
        points: { show: false },
      })),
    ],
  };
}
