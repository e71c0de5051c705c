/** The times of a job on one bar. */
import type { JobBody } from '@prosemill/contract';
import { formatMs } from '../format.ts';
import { timingParts } from './timing-parts.ts';

export function TimingBar({ timings }: { readonly timings: JobBody['timings'] }) {
  const parts = timingParts(timings);
  if (parts.length === 0) return null;
  return (
    <ul class="timing-bar" aria-label="Times">
      {parts.map(({ kind, name, ms }) => (
        // A part of no length stays visible.
        <li key={kind} class={`timing-${kind}`} style={{ flexGrow: Math.max(ms, 1) }}>
          <span class="timing-piece" aria-hidden="true" />
          <span class="small">
            {name} <b class="figures">{formatMs(ms)}</b>
          </span>
        </li>
      ))}
    </ul>
  );
}
