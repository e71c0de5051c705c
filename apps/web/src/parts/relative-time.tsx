/** A time, seen from now or exactly, as the reader chose; the other way is its tooltip. */
import { useComputed } from '@preact/signals';
import { formatAgo, formatTime } from '../format.ts';
import { nowInMinutesMs, nowMs } from '../now.ts';
import { settings } from '../settings.ts';

/** Older times change once a minute, so that long lists cost nothing each second. */
const freshMs = 60_000;

export function RelativeTime({ time }: { readonly time: string }) {
  const text = useComputed(() => {
    if (settings.times.current.value === 'exact') return formatTime(time);
    const isFresh = nowInMinutesMs.value - Date.parse(time) < freshMs;
    return formatAgo(time, isFresh ? nowMs.value : nowInMinutesMs.value);
  });
  return (
    <time class="figures" dateTime={time} title={formatTime(time)}>
      {text}
    </time>
  );
}
