import { encodeCursor } from '@prosemill/contract';
import type { Cursor, Page } from '@prosemill/core';
import type { Context } from 'hono';
import type { ApiEnv } from '../api-env.ts';

/** Sets the Link header to the next page. @returns its cursor; null after the last page */
export function linkNextPage(c: Context<ApiEnv>, { items, hasMore }: Page<Cursor<string | number>>): string | null {
  const last = items.at(-1);
  if (!hasMore || last === undefined) return null;
  const cursor = encodeCursor(last);
  c.header('Link', nextLink({ url: c.req.url, basePath: c.var.basePath, cursor }));
  return cursor;
}

/** `Link: rel="next"` for the page after this one. @see RFC 8288 */
export function nextLink(place: { readonly url: string; readonly basePath: string; readonly cursor: string }): string {
  const url = new URL(place.url);
  url.searchParams.set('cursor', place.cursor);
  return `<${place.basePath}${url.pathname}${url.search}>; rel="next"`;
}
