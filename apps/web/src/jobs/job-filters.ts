/** The filters of the list of jobs: in the fragment, where a reload and a link keep them, and in the API's query. */
import type { JobFilters as JobQuery, TextFilters } from '@prosemill/client';
import type { JobBody } from '@prosemill/contract';

export type JobStatus = JobBody['status'];
export const jobStatuses = [
  'queued',
  'running',
  'succeeded',
  'failed',
  'canceled',
  'expired',
] as const satisfies readonly JobStatus[];

export interface JobFilters {
  /** Words of the prompt or the text; null: any. */
  readonly q: string | null;
  /** `customer:4711`: jobs that have all of these pairs. */
  readonly metadata: readonly string[];
  /** None: jobs in any status. */
  readonly statuses: readonly JobStatus[];
  /** The first day of submits, `2026-11-29` in local time; null: no bound. */
  readonly from: string | null;
  /** The last day of submits, itself included. */
  readonly to: string | null;
  /** Only repetitions of this job. */
  readonly retryOf: string | null;
  /** Only jobs of this batch. */
  readonly batchId: string | null;
}

export const noFilters: JobFilters = {
  q: null,
  metadata: [],
  statuses: [],
  from: null,
  to: null,
  retryOf: null,
  batchId: null,
};

/** Reads the filters of a fragment. Values that no filter has are left out: a link may come from another version. */
export function parseFilters(search: URLSearchParams): JobFilters {
  const chosen = new Set(search.getAll('status'));
  return {
    q: search.get('q')?.trim() || null,
    metadata: search.getAll('metadata').filter((pair) => /^[^:]+:/.test(pair)),
    statuses: jobStatuses.filter((status) => chosen.has(status)),
    from: dayOf(search.get('from')),
    to: dayOf(search.get('to')),
    retryOf: search.get('retry_of'),
    batchId: search.get('batch_id'),
  };
}

/** The inverse of {@link parseFilters}. */
export function formatFilters({ q, metadata, statuses, from, to, retryOf, batchId }: JobFilters): URLSearchParams {
  const pairs = [
    ['q', q],
    ...metadata.map((pair) => ['metadata', pair] as const),
    ...statuses.map((status) => ['status', status] as const),
    ['from', from],
    ['to', to],
    ['retry_of', retryOf],
    ['batch_id', batchId],
  ] as const;
  return new URLSearchParams(pairs.flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}

/** These filters in the names of the API. Days begin and end in the time zone of the reader. */
export const toJobQuery = (filters: JobFilters): JobQuery => ({
  ...textFilters(filters),
  status: filters.statuses,
  retry_of: filters.retryOf ?? undefined,
  batch_id: filters.batchId ?? undefined,
});

const textFilters = ({ q, metadata, from, to }: JobFilters): TextFilters => ({
  q: q ?? undefined,
  metadata,
  created_after: from === null ? undefined : startOfDay(from, 0),
  created_before: to === null ? undefined : startOfDay(to, 1),
});

/** The filters of an export: of jobs that succeeded, on the days of their ends. Null: an export has no such filter. */
export function toExportQuery(filters: JobFilters): TextFilters | null {
  const { statuses, retryOf, batchId } = filters;
  const mayHaveTexts = statuses.length === 0 || statuses.includes('succeeded');
  return mayHaveTexts && retryOf === null && batchId === null ? textFilters(filters) : null;
}

/** The number of filters that are set, for the button that shows them on narrow screens. */
export const countFilters = ({ q, metadata, statuses, from, to, retryOf, batchId }: JobFilters): number =>
  (statuses.length > 0 ? 1 : 0) +
  metadata.length +
  [q, from, to, retryOf, batchId].filter((value) => value !== null).length;

const dayOf = (text: string | null): string | null =>
  text !== null && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) ? text : null;

/** Local midnight, some days later. A day with a change of the clocks has 23 or 25 hours, so hours are not added. */
function startOfDay(day: string, daysLater: number): string {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return new Date(year, month - 1, date + daysLater).toISOString();
}
