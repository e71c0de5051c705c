/** The list that the reader looked at last: a return to it finds the same rows at once, and a job its neighbours. */
import * as requests from '../requests.ts';
import { hrefOf } from '../router.ts';
import { JobList } from './job-list.ts';
import { formatFilters, type JobFilters, toJobQuery } from './job-filters.ts';
import { RowCursor } from './row-cursor.ts';

export interface OpenedList {
  /** The filters as text. */
  readonly address: string;
  readonly list: JobList;
  readonly cursor: RowCursor;
}

let opened: OpenedList | null = null;

export function openList(filters: JobFilters): OpenedList {
  const address = formatFilters(filters).toString();
  if (opened?.address !== address)
    opened = { address, list: new JobList(toJobQuery(filters), requests), cursor: new RowCursor() };
  return opened;
}

/** The address of the list, with its filters. */
export const listHref = (): string => hrefOf(['jobs'], new URLSearchParams(opened?.address));

/** Takes the row of a deleted job away. */
export const forgetInList = (id: string): void => opened?.list.forget(id);

/** The neighbours of a job in the list that the reader came from; null: there is none. */
export function neighboursOf(id: string): { readonly newer: string | null; readonly older: string | null } {
  const ids = opened?.list.ids.value ?? [];
  const index = ids.indexOf(id);
  if (index === -1) return { newer: null, older: null };
  return { newer: ids[index - 1] ?? null, older: ids[index + 1] ?? null };
}
