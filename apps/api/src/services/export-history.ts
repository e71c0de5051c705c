/** The body of an export: pages of texts, each read when the connection has taken the one before. */
import { setImmediate } from 'node:timers/promises';
import { exportPresenters } from '@prosemill/contract';
import type { Cursor, ExportRequest, GenerationStore } from '@prosemill/core';

/** Texts in a page, which is in memory as a whole. On SQLite it blocks the process for some milliseconds. */
const pageSize = 200;

/**
 * Texts that come after the first page was read are left out. Nothing is read for a client that does not read, and
 * nothing after it has left. A failed read breaks the body off.
 */
export function exportHistory(
  generations: Pick<GenerationStore, 'listForExport'>,
  { format, ...filter }: ExportRequest,
): ReadableStream<Uint8Array> {
  const { head, line } = exportPresenters[format];
  const encoder = new TextEncoder();
  let after: Cursor<number> | null = null;
  let begin = head;
  return new ReadableStream(
    {
      async pull(body) {
        const page = await generations.listForExport({ ...filter, after, limit: pageSize });
        const text = begin + page.items.map(line).join('');
        begin = '';
        after = page.items.at(-1) ?? null;
        if (text !== '') body.enqueue(encoder.encode(text));
        if (!page.hasMore) body.close();
        // SQLite reads without a wait: other requests get their turn here, and statements that were used are freed.
        await setImmediate();
      },
    },
    // A page would otherwise wait in the body for its reader.
    { highWaterMark: 0 },
  );
}
