/** A job in the list: its status, prompt and text, facts, age, and the action that fits its state. */
import type { JobBody } from '@prosemill/contract';
import { type ReadonlySignal, useComputed } from '@preact/signals';
import { nowMs } from '../now.ts';
import { RelativeTime } from '../parts/relative-time.tsx';
import { StatusLabel } from '../parts/status-label.tsx';
import { hrefOf } from '../router.ts';
import { factsOf } from './job-facts.ts';
import type { RowActions } from './row-actions.ts';
import type { RowCursor } from './row-cursor.ts';

export interface JobRowProps {
  readonly job: ReadonlySignal<JobBody>;
  readonly cursor: RowCursor;
  readonly actions: RowActions;
}

/** More characters do not fit into a row. */
const shownCharacters = 200;

export function JobRow({ job, cursor, actions }: JobRowProps) {
  const { id, prompt, output, status, created_at } = job.value;
  const tabIndex = useComputed(() => (cursor.current.value === id ? 0 : -1));
  const isSelected = useComputed(() => cursor.selected.value.has(id));
  // The wait of a queued job goes on between two looks at it.
  const facts = useComputed(() => factsOf(job.value, job.value.status === 'queued' ? nowMs.value : 0));
  const words = prompt.slice(0, shownCharacters);
  return (
    <li class="job-row" data-id={id} onFocusCapture={() => cursor.moveTo(id)}>
      <input
        type="checkbox"
        aria-label={`Select: ${words}`}
        checked={isSelected}
        tabIndex={tabIndex}
        onChange={() => cursor.toggle(id)}
      />
      <StatusLabel status={status} />
      <a class="job-text" dir="auto" href={hrefOf(['jobs', id])} tabIndex={tabIndex} onKeyDown={actions.onKeyDown}>
        <span class="given">{words}</span>
        {output?.completion.slice(0, shownCharacters)}
      </a>
      <span class="job-facts small muted figures">{facts}</span>
      <span class="job-age small muted">
        <RelativeTime time={created_at} />
      </span>
      <button type="button" class="quiet" tabIndex={tabIndex} onClick={() => void actions.act(job.value)}>
        {actionNames[status]}
        <span class="hidden">: {words}</span>
      </button>
    </li>
  );
}

/** The one action of a row: to end the job while it has not ended, else to write it again. */
const actionNames: Readonly<Record<JobBody['status'], string>> = {
  queued: 'Cancel',
  running: 'Stop',
  succeeded: 'Again',
  failed: 'Again',
  canceled: 'Again',
  expired: 'Again',
};
