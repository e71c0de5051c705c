/** The rows of a list of jobs that is refreshed under the eyes of its reader: no row moves unless the reader asks. */

/** The fields of a job that the order of rows depends on. */
export interface Row {
  readonly id: string;
  readonly created_at: string;
}

export interface JobRows<Job extends Row> {
  /** Newest first. */
  readonly shown: readonly Job[];
  /** Jobs that match and are not shown yet, newest first. */
  readonly fresh: readonly Job[];
  /** Null: there are no older jobs. */
  readonly nextCursor: string | null;
  /** Jobs above or between the rows are missing, so the list has to begin anew to show the newest. */
  readonly isBroken: boolean;
}

export interface JobPage<Job extends Row> {
  readonly data: readonly Job[];
  readonly next_cursor: string | null;
}

/** More rows than this are not kept in the document: the oldest page leaves at its top. */
export const mostRows = 1_000;

export const rowsOf = <Job extends Row>({ data, next_cursor }: JobPage<Job>): JobRows<Job> => ({
  shown: data,
  fresh: [],
  nextCursor: next_cursor,
  isBroken: false,
});

/** The rows after another look at the newest page: jobs that are shown change in place, others wait to be shown. */
export function withNewest<Job extends Row>(rows: JobRows<Job>, page: JobPage<Job>): JobRows<Job> {
  if (rows.shown.length === 0) return rowsOf(page);
  const known = new Set([...rows.shown, ...rows.fresh].map(({ id }) => id));
  const shownIds = new Set(rows.shown.map(({ id }) => id));
  const newest = new Set(page.data.map(({ id }) => id));
  const waiting = rows.fresh.filter(({ id }) => !newest.has(id));
  // A page that has lost a job ends with one that is below the rows: it comes with the older ones.
  const last = rows.nextCursor === null ? undefined : rows.shown.at(-1);
  const isBelow = (job: Job): boolean => last !== undefined && newestFirst(last, job) < 0;
  const unknown = page.data.filter((job) => !shownIds.has(job.id) && !isBelow(job));
  const fresh = [...unknown, ...waiting].toSorted(newestFirst);
  // A whole page of unknown jobs may have more of them behind it.
  const isBroken = rows.isBroken || (page.next_cursor !== null && !page.data.some(({ id }) => known.has(id)));
  return { ...withJobs(rows, page.data), fresh, isBroken };
}

/** The rows with the new ones among them. Null: the list has to begin anew. */
export function withFresh<Job extends Row>(rows: JobRows<Job>): JobRows<Job> | null {
  const shown = [...rows.shown, ...rows.fresh];
  if (rows.isBroken || shown.length > mostRows) return null;
  return { ...rows, shown: shown.toSorted(newestFirst), fresh: [] };
}

/** The rows with the next page of older ones. */
export function withOlder<Job extends Row>(rows: JobRows<Job>, page: JobPage<Job>): JobRows<Job> {
  const known = new Set(rows.shown.map(({ id }) => id));
  const all = [...rows.shown, ...page.data.filter(({ id }) => !known.has(id))];
  return {
    ...rows,
    shown: all.slice(-mostRows),
    nextCursor: page.next_cursor,
    isBroken: rows.isBroken || all.length > mostRows,
  };
}

/** The rows with other states of some jobs, which stay where they are even if the filters match them no more. */
export function withJobs<Job extends Row>(rows: JobRows<Job>, jobs: readonly Job[]): JobRows<Job> {
  const changed = new Map(jobs.map((job) => [job.id, job]));
  return { ...rows, shown: rows.shown.map((job) => changed.get(job.id) ?? job) };
}

/** The rows without these jobs, which are no more. */
export function withoutJobs<Job extends Row>(rows: JobRows<Job>, ids: ReadonlySet<string>): JobRows<Job> {
  const isKept = ({ id }: Job): boolean => !ids.has(id);
  return { ...rows, shown: rows.shown.filter(isKept), fresh: rows.fresh.filter(isKept) };
}

/** The order of the API. */
const newestFirst = (a: Row, b: Row): number => compare(b.created_at, a.created_at) || compare(b.id, a.id);

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
