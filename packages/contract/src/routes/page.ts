/** `/assets`: the files of the page that `GET /` shows in a browser. They are no part of the document. */
import { z } from '@hono/zod-openapi';
import { defineRoute } from '../policy.ts';

export const pageAssetRoute = defineRoute({
  method: 'get',
  path: '/assets/{name}',
  hide: true,
  policy: { scope: null },
  request: { params: z.object({ name: z.string() }) },
  responses: { 200: { description: 'The file.' } },
});
