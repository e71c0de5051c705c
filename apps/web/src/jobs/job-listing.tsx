/** The jobs that match the filters, kept up to date under the eyes of the reader. */
import { type Signal, useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import { EmptyState } from '../parts/empty-state.tsx';
import { ProblemBox } from '../parts/problem-box.tsx';
import { Skeleton } from '../parts/skeleton.tsx';
import { countFilters, type JobFilters } from './job-filters.ts';
import { type JobList, pageSize } from './job-list.ts';

import { keepFresh } from './keep-fresh.ts';
import { openList } from './opened-list.ts';
import { RowList } from './row-list.tsx';

export function JobListing({ filters }: { readonly filters: JobFilters }) {
  const { list, cursor } = useMemo(() => openList(filters), [filters]);
  const isLive = useSignal(true);
  useEffect(() => keepFresh(list, isLive), [list, isLive]);
  return (
    <>
      <LiveBar list={list} isLive={isLive} />
      <ListProblem list={list} />
      <ListContent list={list} filters={filters}>
        <RowList list={list} cursor={cursor} isLive={isLive} />
        <OlderButton list={list} />
      </ListContent>
    </>
  );
}

/** The reason for which a search often finds nothing. */
const SearchHint = () => <span class="small"> A search finds whole words, in any order: king, not kings.</span>;

function LiveBar({ list, isLive }: { readonly list: JobList; readonly isLive: Signal<boolean> }) {
  const count = list.freshCount.value;
  const isBroken = list.isBroken.value;
  return (
    <div class="bar live-bar">
      <button type="button" class="quiet" aria-pressed={!isLive.value} onClick={() => (isLive.value = !isLive.value)}>
        Hold the list
      </button>
      {/* Always there, so that screen readers hear of a change. */}
      <span role="status">
        {isBroken || count > 0 ? (
          <button type="button" class="fresh" onClick={() => void list.showFresh()}>
            {isBroken ? 'Show the newest' : `${count} new · show`}
          </button>
        ) : null}
      </span>
    </div>
  );
}

/** The rows stay readable below it. */
function ListProblem({ list }: { readonly list: JobList }) {
  const problem = list.problem.value;
  return problem === null ? null : <ProblemBox problem={problem} onRetry={() => void list.refresh()} />;
}

interface ListContentProps {
  readonly list: JobList;
  readonly filters: JobFilters;
  readonly children: ComponentChildren;
}

function ListContent({ list, filters, children }: ListContentProps) {
  const ids = list.ids.value;
  if (ids === null) return list.problem.value === null ? <Skeleton lines={8} /> : null;
  if (ids.length > 0) return <>{children}</>;
  return (
    <EmptyState>
      {countFilters(filters) > 0 ? (
        <p>
          Nothing matches. <a href="#/jobs">Clear filters</a>
          {filters.q === null ? null : <SearchHint />}
        </p>
      ) : (
        <p>
          No jobs yet. <a href="#/">Write something</a>
        </p>
      )}
    </EmptyState>
  );
}

function OlderButton({ list }: { readonly list: JobList }) {
  const isLoading = useSignal(false);
  if (!list.hasOlder.value) return null;
  const load = async (): Promise<void> => {
    if (isLoading.value) return;
    isLoading.value = true;
    await list.loadOlder();
    isLoading.value = false;
  };
  return (
    <button type="button" aria-disabled={isLoading} onClick={() => void load()}>
      Load {pageSize} more
    </button>
  );
}
