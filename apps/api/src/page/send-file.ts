/** Answers with a file of the page. */
import type { Context } from 'hono';
import { parseAccept } from 'hono/utils/accept';
import type { ApiEnv } from '../api-env.ts';
import { matchesEtag } from '../wire/matches-etag.ts';
import type { ContentCoding, PageFile } from './read-page.ts';

/** Compressed if the client allows it, and without a body if the client has the file. */
export function sendFile(c: Context<ApiEnv>, file: PageFile) {
  c.header('ETag', file.etag);
  c.header('Vary', 'Accept-Encoding', { append: true });
  if (matchesEtag(c.req.header('If-None-Match'), file.etag)) return c.body(null, 304);
  c.header('Content-Type', file.mediaType);
  const acceptEncoding = c.req.header('Accept-Encoding');
  const smallest = file.compressed.find(({ coding }) => acceptsCoding(acceptEncoding, coding));
  if (smallest !== undefined) c.header('Content-Encoding', smallest.coding);
  return c.body(smallest?.content ?? file.content, 200);
}

/** @see RFC 9110, section 12.5.3. A client without the header gets the file as it is. */
function acceptsCoding(header: string | undefined, coding: ContentCoding): boolean {
  const accepted = parseAccept(header ?? '').map(({ type, q }) => ({ type: type.toLowerCase(), q }));
  const { q } = accepted.find(({ type }) => type === coding) ?? accepted.find(({ type }) => type === '*') ?? { q: 0 };
  return q > 0;
}
