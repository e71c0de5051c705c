/** Downloads all finished texts that match the filters, however many they are. */
import type { ExportFormat } from '@prosemill/contract';
import { download } from '../download.ts';
import { Menu } from '../parts/menu.tsx';
import { explain } from '../problem-text.ts';
import { toast } from '../toast.ts';
import { type JobFilters, toExportQuery } from './job-filters.ts';

const formats: readonly (readonly [name: string, format: ExportFormat])[] = [
  ['JSON lines', 'jsonl'],
  ['CSV', 'csv'],
];

/** Not drawn for filters that an export does not know. */
export function ExportMenu({ filters }: { readonly filters: JobFilters }) {
  const query = toExportQuery(filters);
  if (query === null) return null;
  const items = formats.map(([name, format]) => ({ name, act: () => void save(query, format) }));
  return <Menu label="Export" items={items} />;
}

async function save(query: URLSearchParams, format: ExportFormat): Promise<void> {
  const problem = await download(
    `history/export?${new URLSearchParams([...query, ['format', format]])}`,
    `history.${format}`,
  );
  if (problem !== null) toast(explain(problem).text);
}
