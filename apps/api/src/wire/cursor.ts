/** Opaque places in a list: base64url of the creation time and the id of the last item of a page. */
import { AppError, type Cursor } from '@prosemill/core';

export const encodeCursor = ({ createdAt, id }: Cursor<string | number>): string =>
  Buffer.from(`${createdAt.getTime()}.${id}`).toString('base64url');

/** @throws {AppError} `invalid_request` for anything that no page has given out */
export function decodeCursor(text: string): Cursor<string> {
  const [, time, id] = /^(\d{1,15})\.([\w-]{1,36})$/.exec(Buffer.from(text, 'base64url').toString()) ?? [];
  if (time === undefined || id === undefined) throw invalidCursor();
  return { createdAt: new Date(Number(time)), id };
}

/** @throws {AppError} `invalid_request` if the id is not an integer */
export function decodeNumericCursor(text: string): Cursor<number> {
  const { createdAt, id } = decodeCursor(text);
  if (!/^\d{1,15}$/.test(id)) throw invalidCursor();
  return { createdAt, id: Number(id) };
}

/** @throws {AppError} `invalid_request` if the id is not a UUID */
export function decodeUuidCursor(text: string): Cursor<string> {
  const cursor = decodeCursor(text);
  if (!isUuid(cursor.id)) throw invalidCursor();
  return cursor;
}

/** Whether a path or a cursor holds something that can be the id of a job. */
export const isUuid = (text: string): boolean => /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text);

/** `Link: rel="next"` for the page after this one. @see RFC 8288 */
export function nextLink(requestUrl: string, cursor: string): string {
  const url = new URL(requestUrl);
  url.searchParams.set('cursor', cursor);
  return `<${url.pathname}${url.search}>; rel="next"`;
}

const invalidCursor = (): AppError =>
  new AppError('invalid_request', {
    message: '/cursor: must be the cursor of the page before',
    details: {
      errors: [{ pointer: '/cursor', detail: 'must be the cursor of the page before', code: 'invalid_cursor' }],
    },
  });
