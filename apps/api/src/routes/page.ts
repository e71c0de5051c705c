/** The page of the service: `GET /` in a browser, and the files of it. */
import { pageAssetRoute } from '@prosemill/contract';
import { AppError } from '@prosemill/core';
import type { Context } from 'hono';
import type { ApiEnv } from '../api-env.ts';
import type { ApiServices } from '../api-services.ts';
import type { PageFile } from '../page/read-page.ts';
import { sendFile } from '../page/send-file.ts';
import type { AddRoute } from '../route-table.ts';

/**
 * The CSP: scripts and styles of this service only, in files, and requests to it only. With Trusted Types no script can
 * turn a string into markup or code.
 */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

export function sendDocument(c: Context<ApiEnv>, document: PageFile) {
  c.header('Content-Security-Policy', pagePolicy);
  c.header('Cache-Control', 'no-cache');
  return sendFile(c, document);
}

export function addPageRoutes(addRoute: AddRoute, { findPage }: ApiServices): void {
  addRoute(pageAssetRoute, async (c) => {
    const { name } = c.req.valid('param');
    const file = (await findPage())?.assets.get(name);
    if (file === undefined) throw new AppError('not_found', { message: 'The page has no such file. Reload it.' });
    // The names contain hashes of the contents.
    c.header('Cache-Control', 'public, max-age=31536000, immutable');
    return sendFile(c, file);
  });
}
