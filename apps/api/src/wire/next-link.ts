import { encodeCursor } from '@prosemill/contract';
import type { Cursor, Page } from '@prosemill/core';
import type { Context } from 'hono';

/** Says in the Link header where the next page is. @returns its cursor; null after the last page */
export function linkNextPage(c: Context, { items, hasMore }: Page<Cursor<string | number>>): string | null {
  const last = items.at(-1);
  if (!hasMore || last === undefined) return null;
  const cursor = encodeCursor(last);
  c.header('Link', nextLink(c.req.url, cursor));
  return cursor;
}

/** `Link: rel="next"` for the page after this one. @see RFC 8288 */
export function nextLink(requestUrl: string, cursor: string): string {
  const url = new URL(requestUrl);
  url.searchParams.set('cursor', cursor);
  return `<${url.pathname}${url.search}>; rel="next"`;
}
