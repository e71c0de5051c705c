import { describe, expect, it } from 'vitest';
import {
  type JobRows,
  mostRows,
  type Row,
  rowsOf,
  withFresh,
  withJobs,
  withNewest,
  withOlder,
  withoutJobs,
} from './job-rows.ts';

interface TestJob extends Row {
  readonly status: string;
}

/** Higher numbers are newer. */
const job = (number: number, status = 'queued'): TestJob => ({
  id: `job-${String(number).padStart(6, '0')}`,
  created_at: new Date(Date.UTC(2026, 10, 29) + number).toISOString(),
  status,
});
const page = (numbers: readonly number[], next: string | null = null, status = 'queued') => ({
  data: numbers.map((number) => job(number, status)),
  next_cursor: next,
});
const numbersOf = (jobs: readonly TestJob[]) => jobs.map(({ id }) => Number(id.slice(4)));
const range = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, index) => from - index);

function expectRows(rows: JobRows<TestJob> | null): JobRows<TestJob> {
  expect(rows).not.toBeNull();
  return rows ?? rowsOf(page([]));
}

describe('another look at the newest page', () => {
  it('changes jobs in place, and lets new ones wait', () => {
    const rows = withNewest(rowsOf(page([3, 2, 1])), page([5, 4, 3, 2], 'next', 'running'));

    expect(rows.shown.map(({ status }) => status)).toEqual(['running', 'running', 'queued']);
    expect(numbersOf(rows.shown)).toEqual([3, 2, 1]);
    expect(numbersOf(rows.fresh)).toEqual([5, 4]);
  });

  it('takes no job below the rows for a new one, after one of them was deleted', () => {
    const rows = withoutJobs(rowsOf(page([5, 4, 3], 'next')), new Set(['job-000004']));

    expect(numbersOf(withNewest(rows, page([6, 5, 3, 2], 'next')).fresh)).toEqual([6]);
  });

  it('fills an empty list at once', () => {
    const rows = withNewest(rowsOf(page([])), page([1]));

    expect(numbersOf(rows.shown)).toEqual([1]);
  });

  it('collects what waits over several looks', () => {
    const once = withNewest(rowsOf(page([1])), page([3, 2, 1]));
    const twice = withNewest(once, page([4, 3], 'next'));

    expect(numbersOf(twice.fresh)).toEqual([4, 3, 2]);
    expect(numbersOf(expectRows(withFresh(twice)).shown)).toEqual([4, 3, 2, 1]);
  });

  it('breaks the list when new jobs may be missing', () => {
    expect(withFresh(withNewest(rowsOf(page([1])), page([9, 8], 'next')))).toBeNull();
    expect(withFresh(withNewest(rowsOf(page([1])), page([9, 8])))).not.toBeNull();
  });
});

describe('older pages', () => {
  it('follow the rows', () => {
    const rows = withOlder(rowsOf(page([4, 3], 'next')), page([2, 1]));

    expect(numbersOf(rows.shown)).toEqual([4, 3, 2, 1]);
    expect(rows.nextCursor).toBeNull();
  });

  it('push the newest rows out of a long list, which then has to begin anew to show new jobs', () => {
    const rows = withOlder(rowsOf(page(range(mostRows + 50, 51), 'next')), page(range(50, 1)));

    expect(rows.shown).toHaveLength(mostRows);
    expect(numbersOf(rows.shown).slice(0, 2)).toEqual([mostRows, mostRows - 1]);
    expect(withFresh(rows)).toBeNull();
  });
});

it('keeps a job that the filters match no more', () => {
  const rows = withJobs(rowsOf(page([2, 1])), [job(1, 'succeeded'), job(7)]);

  expect(rows.shown.map(({ status }) => status)).toEqual(['queued', 'succeeded']);
});
