/** The rows of the list of jobs, one stop of the Tab key, with their keys and the actions on selected rows. */
import { type Signal, useSignalEffect } from '@preact/signals';
import { useLayoutEffect, useMemo } from 'preact/hooks';
import { ProblemBox } from '../parts/problem-box.tsx';
import { savedScroll } from '../router.ts';
import { useShortcuts } from '../shortcuts.ts';
import type { JobList } from './job-list.ts';
import { JobRow } from './job-row.tsx';
import { RowActions } from './row-actions.ts';
import type { RowCursor } from './row-cursor.ts';
import { SelectionBar } from './selection-bar.tsx';

export interface RowListProps {
  readonly list: JobList;
  readonly cursor: RowCursor;
  readonly isLive: Signal<boolean>;
}

export function RowList({ list, cursor, isLive }: RowListProps) {
  const actions = useMemo(() => new RowActions(list, cursor), [list, cursor]);
  useSignalEffect(() => cursor.keep(list.ids.value ?? []));
  // The rows of a list that the reader returns to are there at once; those of a new one are at its top.
  useLayoutEffect(() => scrollTo(0, savedScroll()), []);
  useShortcuts({
    j: () => actions.step(1),
    k: () => actions.step(-1),
    x: () => actions.toggle(),
    c: () => actions.cancel(),
    r: () => actions.repeat(),
    v: () => actions.verify(),
    y: () => actions.copyText(),
    '.': () => (isLive.value = !isLive.value),
  });
  return (
    <>
      <ActionProblem actions={actions} />
      <ul
        class="job-rows"
        aria-label="Jobs, newest first"
        ref={(element) => {
          actions.element = element;
        }}
      >
        {(list.ids.value ?? []).map((id) => {
          const job = list.jobOf(id);
          return job === undefined ? null : <JobRow key={id} job={job} cursor={cursor} actions={actions} />;
        })}
      </ul>
      <SelectionBar list={list} cursor={cursor} actions={actions} />
    </>
  );
}

function ActionProblem({ actions: { problem } }: { readonly actions: RowActions }) {
  return problem.value === null ? null : <ProblemBox problem={problem.value} />;
}
