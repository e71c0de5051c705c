/** `/history`: finished texts. */
import {
  createExportLinkRoute,
  downloadExportRoute,
  exportHistoryRoute,
  exportPresenters,
  type ExportQuery,
  getHistoryRoute,
  listHistoryRoute,
  presentRecord,
} from '@prosemill/contract';
import { AppError, type ExportRequest } from '@prosemill/core';
import type { Context } from 'hono';
import type { ApiEnv } from '../api-env.ts';
import type { ApiServices } from '../api-services.ts';
import type { Caller } from '../auth/caller.ts';
import type { AddRoute } from '../route-table.ts';
import { exportHistory } from '../services/export-history.ts';
import { createExportLinks } from '../services/export-links.ts';
import { linkNextPage } from '../wire/next-link.ts';

export function addHistoryRoutes(addRoute: AddRoute, { store }: ApiServices): void {
  const exportLinks = createExportLinks(store.exportLinks);

  function answerExport(c: Context<ApiEnv>, request: ExportRequest) {
    const { format } = request;
    const headers = {
      'Content-Type': exportPresenters[format].mediaType,
      'Content-Disposition': `attachment; filename="history.${format}"`,
    };
    // Nobody would read the body, or cancel it.
    if (c.req.raw.method === 'HEAD') return c.body(null, 200, headers);
    return c.body(exportHistory(store.generations, request), 200, headers);
  }

  addRoute(listHistoryRoute, async (c) => {
    const { limit, cursor = null } = c.req.valid('query');
    const page = await store.generations.list({ ownerId: c.var.caller.ownerId, after: cursor, limit });
    linkNextPage(c, page);
    return c.json(page.items.map(presentRecord), 200);
  });

  // Before the route of one text, whose path matches too.
  addRoute(exportHistoryRoute, (c) => answerExport(c, requestOf(c.req.valid('query'), c.var.caller)));

  addRoute(createExportLinkRoute, async (c) => {
    const { basePath, caller } = c.var;
    const { token, expiresAt } = await exportLinks.create(requestOf(c.req.valid('query'), caller), caller.keyId);
    return c.json({ url: `${basePath}/history/export/${token}`, expires_at: expiresAt.toISOString() }, 201);
  });

  addRoute(downloadExportRoute, async (c) => {
    // A look does not use the link up.
    if (c.req.raw.method === 'HEAD') {
      c.header('Allow', 'GET');
      throw new AppError('method_not_allowed', { message: 'A download link works for one GET.' });
    }
    return answerExport(c, await exportLinks.take(c.req.valid('param').token));
  });

  addRoute(getHistoryRoute, async (c) => {
    const { id } = c.req.valid('param');
    const record = /^\d{1,15}$/.test(id) ? await store.generations.find(c.var.caller.ownerId, Number(id)) : null;
    if (record === null) throw new AppError('not_found', { message: `There is no text ${id.slice(0, 64)}.` });
    return c.json(presentRecord(record), 200);
  });
}

const requestOf = (query: ExportQuery, { ownerId }: Caller): ExportRequest => ({
  ownerId,
  format: query.format,
  search: query.q,
  metadata: query.metadata,
  createdAfter: query.created_after,
  createdBefore: query.created_before,
});
