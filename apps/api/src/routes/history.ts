/** `/history`: finished texts. */
import {
  exportHistoryRoute,
  exportPresenters,
  getHistoryRoute,
  listHistoryRoute,
  presentRecord,
} from '@prosemill/contract';
import { AppError } from '@prosemill/core';
import type { ApiServices } from '../api-services.ts';
import type { AddRoute } from '../route-table.ts';
import { exportHistory } from '../services/export-history.ts';
import { linkNextPage } from '../wire/next-link.ts';

export function addHistoryRoutes(addRoute: AddRoute, { store }: ApiServices): void {
  addRoute(listHistoryRoute, async (c) => {
    const { limit, cursor = null } = c.req.valid('query');
    const page = await store.generations.list({ ownerId: c.var.caller.ownerId, after: cursor, limit });
    linkNextPage(c, page);
    return c.json(page.items.map(presentRecord), 200);
  });

  // Before the route of one text, whose path matches too.
  addRoute(exportHistoryRoute, (c) => {
    const query = c.req.valid('query');
    const { format } = query;
    const headers = {
      'Content-Type': exportPresenters[format].mediaType,
      'Content-Disposition': `attachment; filename="history.${format}"`,
    };
    // Nobody would read the body, or cancel it.
    if (c.req.raw.method === 'HEAD') return c.body(null, 200, headers);
    const body = exportHistory(store.generations, {
      ownerId: c.var.caller.ownerId,
      format,
      search: query.q,
      metadata: query.metadata,
      createdAfter: query.created_after,
      createdBefore: query.created_before,
    });
    return c.body(body, 200, headers);
  });

  addRoute(getHistoryRoute, async (c) => {
    const { id } = c.req.valid('param');
    const record = /^\d{1,15}$/.test(id) ? await store.generations.find(c.var.caller.ownerId, Number(id)) : null;
    if (record === null) throw new AppError('not_found', { message: `There is no text ${id.slice(0, 64)}.` });
    return c.json(presentRecord(record), 200);
  });
}
