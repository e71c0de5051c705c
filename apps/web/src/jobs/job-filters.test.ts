import { expect, it } from 'vitest';
import { countFilters, formatFilters, noFilters, parseFilters, toExportQuery, toJobQuery } from './job-filters.ts';

it('keeps filters in the fragment, and reads them back', () => {
  const filters = {
    q: 'old king',
    metadata: ['customer:4711', 'a:b:c'],
    statuses: ['queued', 'failed'],
    from: '2026-11-01',
    to: '2026-11-29',
    retryOf: 'an-id',
    batchId: 'a-batch',
  } as const;
  const search = formatFilters(filters);

  expect(search.toString()).toBe(
    'q=old+king&metadata=customer%3A4711&metadata=a%3Ab%3Ac&status=queued&status=failed&from=2026-11-01&to=2026-11-29&retry_of=an-id&batch_id=a-batch',
  );
  expect(parseFilters(search)).toEqual(filters);
  expect(countFilters(filters)).toBe(8);
});

it('leaves out values that no filter has', () => {
  expect(parseFilters(new URLSearchParams('status=asleep&q=+&metadata=nocolon&from=yesterday&to=2026-13-01'))).toEqual(
    noFilters,
  );
  expect(formatFilters(noFilters).toString()).toBe('');
  expect(countFilters(noFilters)).toBe(0);
});

it('asks the API for whole local days', () => {
  const query = toJobQuery({ ...noFilters, from: '2026-11-29', to: '2026-11-30' });

  expect(query.created_after).toBe(new Date(2026, 10, 29).toISOString());
  expect(query.created_before).toBe(new Date(2026, 11, 1).toISOString());
});

it('exports the texts of a search, and nothing for filters that an export does not know', () => {
  const search = { ...noFilters, q: 'old king', metadata: ['customer:4711'], from: '2026-11-29' };

  expect(toExportQuery({ ...search, statuses: ['succeeded', 'failed'] })).toEqual({
    q: 'old king',
    metadata: ['customer:4711'],
    created_after: new Date(2026, 10, 29).toISOString(),
  });
  expect(toExportQuery({ ...search, statuses: ['failed'] })).toBeNull();
  expect(toExportQuery({ ...search, batchId: 'a-batch' })).toBeNull();
});
