/** Downloads from the service. */
import type { ExportFilters } from '@prosemill/client';
import { answer, type PageProblem } from './api.ts';

/**
 * Saves an export as a file, which the browser writes to the disk as it comes. A download carries no key, so the page
 * asks for a link that needs none.
 * @returns the problem, if there was one
 */
export async function downloadExport(filters: ExportFilters): Promise<PageProblem | null> {
  const made = await answer(async (client) => client.exportLink(filters));
  if (!made.ok) return made.problem;
  const link = document.createElement('a');
  // Relative to the page, like every path: a proxy may serve the service below a path that it does not know.
  link.href = `history/export/${made.body.url.split('/').at(-1)}`;
  // Without it an answer with an error would take the place of the page.
  link.download = '';
  link.click();
  return null;
}
