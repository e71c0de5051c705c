/** The actions on the selected rows, each with the number of jobs that it hits. */
import { type Signal, useComputed } from '@preact/signals';
import type { PageProblem } from '../api.ts';
import { formatPlural } from '../format.ts';
import { confirm } from '../parts/confirm-dialog.tsx';
import { isOpen } from './is-open.ts';
import type { JobList } from './job-list.ts';
import type { RowCursor } from './row-cursor.ts';

export interface SelectionBarProps {
  readonly list: JobList;
  readonly cursor: RowCursor;
  /** Where the first problem of an action is shown. */
  readonly problem: Signal<PageProblem | null>;
}

export function SelectionBar({ list, cursor, problem }: SelectionBarProps) {
  const open = useComputed(() =>
    [...cursor.selected.value].filter((id) => {
      const job = list.jobOf(id);
      return job !== undefined && isOpen(job.value);
    }),
  );
  const count = cursor.selected.value.size;
  if (count === 0) return null;
  const cancel = async (): Promise<void> => {
    const ids = open.value;
    if (ids.length > 1 && !(await confirm(questionOf(ids.length)))) return;
    problem.value = await list.cancel(ids);
    cursor.clear();
  };
  return (
    <div class="bar selection">
      <b>{count} selected</b>
      {open.value.length === 0 ? null : (
        <button type="button" onClick={() => void cancel()}>
          Cancel {open.value.length}
        </button>
      )}
      <button type="button" class="quiet" onClick={() => cursor.clear()}>
        Select none
      </button>
    </div>
  );
}

const questionOf = (count: number) => ({
  title: `Cancel ${formatPlural(count, 'job')}?`,
  text: 'Those that wait do not run. Those that run stop within a token, and keep their texts so far.',
  action: `Cancel ${formatPlural(count, 'job')}`,
});
