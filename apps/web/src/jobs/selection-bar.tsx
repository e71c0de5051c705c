/** The actions on the selected rows, each with the number of jobs that it hits. */
import { useComputed } from '@preact/signals';
import { formatPlural } from '../format.ts';
import { TwoStepButton } from '../parts/two-step-button.tsx';
import { confirm } from '../parts/confirm-dialog.tsx';
import { isOpen } from './is-open.ts';
import type { JobList } from './job-list.ts';
import type { RowActions } from './row-actions.ts';
import type { RowCursor } from './row-cursor.ts';

export interface SelectionBarProps {
  readonly list: JobList;
  readonly cursor: RowCursor;
  readonly actions: RowActions;
}

export function SelectionBar({ list, cursor, actions }: SelectionBarProps) {
  const open = useComputed(() =>
    [...cursor.selected.value].filter((id) => {
      const job = list.jobOf(id);
      return job !== undefined && isOpen(job.value);
    }),
  );
  const count = cursor.selected.value.size;
  const ended = [...cursor.selected.value].filter((id) => !open.value.includes(id));
  if (count === 0) return null;
  const clear = (): void => {
    cursor.clear();
    // The bar goes, and its buttons with it.
    actions.step(0);
  };
  const cancel = async (): Promise<void> => {
    const ids = open.value;
    if (ids.length > 1 && !(await confirm(questionOf(ids.length)))) return;
    actions.problem.value = await list.cancel(ids);
    clear();
  };
  const remove = async (): Promise<void> => {
    actions.problem.value = await list.delete(ended);
    clear();
  };
  return (
    <div class="bar selection">
      <b>{count} selected</b>
      {open.value.length === 0 ? null : (
        <button type="button" onClick={() => void cancel()}>
          Cancel {open.value.length}
        </button>
      )}
      {ended.length === 0 ? null : (
        <TwoStepButton
          name={`Delete ${ended.length}…`}
          question={`Delete ${formatPlural(ended.length, 'job')} for good?`}
          action="Delete"
          act={remove}
        />
      )}
      <button type="button" class="quiet" onClick={clear}>
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
