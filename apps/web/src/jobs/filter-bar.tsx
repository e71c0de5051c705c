/** The filters of the list of jobs. Each change is a place of its own, so the back button undoes it. */
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { StatusLabel } from '../parts/status-label.tsx';
import { go, hrefOf } from '../router.ts';
import { useShortcuts } from '../shortcuts.ts';
import { ExportMenu } from './export-menu.tsx';
import { MetadataFilter } from './metadata-filter.tsx';
import { SearchBox } from './search-box.tsx';
import { countFilters, formatFilters, type JobFilters, jobStatuses, noFilters } from './job-filters.ts';

const apply = (filters: JobFilters, mode: 'push' | 'replace' = 'push'): void =>
  go(hrefOf(['jobs'], formatFilters(filters)), mode);

export function FilterBar({ filters }: { readonly filters: JobFilters }) {
  const isFolded = useSignal(true);
  const search = useRef<HTMLInputElement>(null);
  const count = countFilters(filters);
  useShortcuts({
    '/': () => search.current?.focus(),
  });
  // More letters tell the same search more exactly.
  const onSearch = (q: string | null): void =>
    apply({ ...filters, q }, filters.q === null || q === null ? 'push' : 'replace');
  return (
    <>
      <div class="bar search-bar">
        <SearchBox query={filters.q} onSearch={onSearch} input={search} />
        <ExportMenu filters={filters} />
      </div>
      <button
        type="button"
        class="filter-toggle"
        aria-expanded={!isFolded.value}
        aria-controls="filters"
        onClick={() => (isFolded.value = !isFolded.value)}
      >
        Filters{count === 0 ? '' : ` (${count})`}
      </button>
      <div id="filters" class={isFolded.value ? 'filters filters-folded' : 'filters'}>
        <StatusFilter filters={filters} />
        <DayFilter name="From" day={filters.from} onChange={(from) => apply({ ...filters, from })} />
        <DayFilter name="To" day={filters.to} onChange={(to) => apply({ ...filters, to })} />
        <MetadataFilter pairs={filters.metadata} onChange={(metadata) => apply({ ...filters, metadata })} />
        <IdFilter name="Repetitions of" id={filters.retryOf} onRemove={() => apply({ ...filters, retryOf: null })} />
        <IdFilter name="Batch" id={filters.batchId} onRemove={() => apply({ ...filters, batchId: null })} />
        {filters.batchId === null ? null : <a href={hrefOf(['batches', filters.batchId])}>Show the batch</a>}
        {count === 0 ? null : (
          <button type="button" class="quiet" onClick={() => apply(noFilters)}>
            Clear filters
          </button>
        )}
      </div>
    </>
  );
}

function StatusFilter({ filters }: { readonly filters: JobFilters }) {
  const toggle = (status: (typeof jobStatuses)[number]): void => {
    const chosen = new Set(filters.statuses);
    if (!chosen.delete(status)) chosen.add(status);
    apply({ ...filters, statuses: jobStatuses.filter((each) => chosen.has(each)) });
  };
  return (
    <fieldset>
      <legend class="small muted">Status</legend>
      {jobStatuses.map((status) => (
        <label key={status} class="chip">
          <input type="checkbox" checked={filters.statuses.includes(status)} onChange={() => toggle(status)} />
          <StatusLabel status={status} />
        </label>
      ))}
    </fieldset>
  );
}

interface IdFilterProps {
  readonly name: string;
  readonly id: string | null;
  readonly onRemove: () => void;
}

function IdFilter({ name, id, onRemove }: IdFilterProps) {
  if (id === null) return null;
  return (
    <button type="button" onClick={onRemove}>
      {name} {id.slice(0, 8)}… <span aria-hidden="true">✕</span>
      <span class="hidden">: remove this filter</span>
    </button>
  );
}

interface DayFilterProps {
  readonly name: string;
  readonly day: string | null;
  readonly onChange: (day: string | null) => void;
}

/** A year that is being typed is 2, 20 and 202 first, each of them a date. */
const firstDay = '2000-01-01';

function DayFilter({ name, day, onChange }: DayFilterProps) {
  const choose = (value: string): void => {
    if (value === '') onChange(null);
    else if (value >= firstDay) onChange(value);
  };
  return (
    <label class="small muted">
      {name}
      <input type="date" value={day ?? ''} onChange={({ currentTarget: { value } }) => choose(value)} />
    </label>
  );
}
