/** `/history`: finished texts. */
import { getHistoryRoute, listHistoryRoute, presentRecord } from '@prosemill/contract';
import { AppError } from '@prosemill/core';
import type { ApiServices } from '../api-services.ts';
import type { AddRoute } from '../route-table.ts';
import { linkNextPage } from '../wire/next-link.ts';

export function addHistoryRoutes(addRoute: AddRoute, { store }: ApiServices): void {
  addRoute(listHistoryRoute, async (c) => {
    const { limit, cursor = null } = c.req.valid('query');
    const page = await store.generations.list({ ownerId: c.var.caller.ownerId, after: cursor, limit });
    linkNextPage(c, page);
    return c.json(page.items.map(presentRecord), 200);
  });

  addRoute(getHistoryRoute, async (c) => {
    const { id } = c.req.valid('param');
    const record = /^\d{1,15}$/.test(id) ? await store.generations.find(c.var.caller.ownerId, Number(id)) : null;
    if (record === null) throw new AppError('not_found', { message: `There is no text ${id.slice(0, 64)}.` });
    return c.json(presentRecord(record), 200);
  });
}
