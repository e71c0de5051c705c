import { newId } from '@prosemill/core';
import { describe, expect, it } from 'vitest';
import { decodeNumericCursor, decodeUuidCursor, encodeCursor, nextLink } from './cursor.ts';

const createdAt = new Date('2026-11-24T01:02:03.456Z');

describe('cursors', () => {
  it('come back as the place they were made of', () => {
    const id = newId();
    expect(decodeUuidCursor(encodeCursor({ createdAt, id }))).toEqual({ createdAt, id });
    expect(decodeNumericCursor(encodeCursor({ createdAt, id: 42 }))).toEqual({ createdAt, id: 42 });
  });

  it.each(['', 'nope', '!!!', encodeCursor({ createdAt, id: 'x' }), '9'.repeat(200)])('refuse %o', (text) => {
    expect(() => decodeUuidCursor(text)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    expect(() => decodeNumericCursor(text)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it('are of one list', () => {
    expect(() => decodeNumericCursor(encodeCursor({ createdAt, id: newId() }))).toThrow('/cursor');
    expect(() => decodeUuidCursor(encodeCursor({ createdAt, id: 42 }))).toThrow('/cursor');
  });

  it('make a link that keeps the other parameters', () => {
    expect(nextLink('http://x/jobs?status=queued&cursor=old', 'new')).toBe(
      '</jobs?status=queued&cursor=new>; rel="next"',
    );
  });
});
