/** The list of jobs: filters in the address, rows that change in place, new jobs that wait to be shown. */
import { useComputed } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { FilterBar } from '../jobs/filter-bar.tsx';
import { formatFilters, parseFilters } from '../jobs/job-filters.ts';
import { JobListing } from '../jobs/job-listing.tsx';
import { ViewHeading } from '../parts/view-heading.tsx';
import { place } from '../router.ts';
import './jobs.css';

export function View() {
  const address = useComputed(() => formatFilters(parseFilters(place.value.query)).toString()).value;
  const filters = useMemo(() => parseFilters(new URLSearchParams(address)), [address]);
  return (
    <section class="panel jobs-panel">
      <ViewHeading title="Jobs" />
      <FilterBar filters={filters} />
      <JobListing key={address} filters={filters} />
    </section>
  );
}
