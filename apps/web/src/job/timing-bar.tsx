/** The times of a job on one bar. */
import type { JobBody } from '@prosemill/contract';
import { formatMs } from '../format.ts';
import { timingParts } from './timing-parts.ts';

export function TimingBar({ timings }: { readonly timings: JobBody['timings'] }) {
  const parts = timingParts(timings);
  if (parts.length === 0) return null;
  return (
    <>
      {/* A picture of the list below it. */}
      <div class="timing-bar" aria-hidden="true">
        {parts.map(({ kind, ms }) => (
          // A part of no length stays visible.
          <span key={kind} class={`timing-${kind}`} style={{ flexGrow: Math.max(ms, 1) }} />
        ))}
      </div>
      <ul class="timing-names small" aria-label="Times">
        {parts.map(({ kind, name, ms }) => (
          <li key={kind}>
            <span class={`timing-mark timing-${kind}`} aria-hidden="true" />
            <span>
              {name} <b class="figures">{formatMs(ms)}</b>
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}
