/** Moves the moment that the charts tell, by keys and by touch. */
import { type ReadonlySignal, useComputed } from '@preact/signals';
import { formatTime } from '../format.ts';
import type { ChartWindow } from './chart-window.ts';
import { keptSeconds } from './machine-series.ts';

export interface MomentSliderProps {
  readonly window: ChartWindow;
  readonly tick: ReadonlySignal<number>;
}

export function MomentSlider({ window, tick }: MomentSliderProps) {
  const secondsAgo = useComputed(() => {
    void tick.value;
    const moment = window.moment.value;
    return moment === null ? 0 : Math.min(keptSeconds, Math.max(0, Math.round(window.newest - moment)));
  });
  const label = useComputed(() => {
    const moment = window.moment.value;
    return moment === null ? 'now' : formatTime(new Date(moment * 1_000).toISOString());
  });
  const move = ({ currentTarget }: { readonly currentTarget: HTMLInputElement }): void => {
    const ago = -Number(currentTarget.value);
    window.point(ago === 0 ? null : window.newest - ago);
  };
  return (
    <label class="moment-slider small">
      Values of <b class="figures">{label}</b>
      <input
        type="range"
        min={-keptSeconds}
        max={0}
        step={1}
        value={useComputed(() => String(-secondsAgo.value))}
        aria-valuetext={label}
        onInput={move}
      />
    </label>
  );
}
