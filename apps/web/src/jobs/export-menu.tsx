/** Downloads all finished texts that match the filters, however many they are. */
import type { ExportFilters } from '@prosemill/client';
import { downloadExport } from '../download.ts';
import { Menu } from '../parts/menu.tsx';
import { explain } from '../problem-text.ts';
import { toast } from '../toast.ts';
import { type JobFilters, toExportQuery } from './job-filters.ts';

const formats: readonly (readonly [name: string, format: ExportFilters['format']])[] = [
  ['JSON lines', 'jsonl'],
  ['CSV', 'csv'],
];

/** Not drawn for filters that an export does not know. */
export function ExportMenu({ filters }: { readonly filters: JobFilters }) {
  const query = toExportQuery(filters);
  if (query === null) return null;
  const items = formats.map(([name, format]) => ({ name, act: () => void save({ ...query, format }) }));
  return <Menu label="Export" items={items} />;
}

async function save(filters: ExportFilters): Promise<void> {
  const problem = await downloadExport(filters);
  if (problem !== null) toast(explain(problem).text);
}
