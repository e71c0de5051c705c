/** Cursors: places in a list, opaque to clients. Each is the creation time and the id of a page's last item, in hex. */
import { z } from '@hono/zod-openapi';
import type { Cursor } from '@prosemill/core';

/** Milliseconds have 48 bits. */
const timeDigits = 12;
const uuidDigits = 32;
/** 52 bits, within the exact integers of JavaScript. */
const numberDigits = 13;

export const encodeCursor = ({ createdAt, id }: Cursor<string | number>): string =>
  createdAt.getTime().toString(16).padStart(timeDigits, '0') +
  (typeof id === 'string' ? id.replaceAll('-', '') : id.toString(16).padStart(numberDigits, '0'));

/** A place in a list whose ids are UUIDs. */
export const uuidCursor = cursor(uuidDigits, (digits) =>
  digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
);

/** A place in a list whose ids are integers. */
export const numberCursor = cursor(numberDigits, (digits) => Number.parseInt(digits, 16));

/** Each part has a fixed length, so the pattern is the whole check: a cursor of another list does not match. */
function cursor<Id extends string | number>(idDigits: number, toId: (digits: string) => Id) {
  return z
    .string()
    .regex(new RegExp(`^[0-9a-f]{${timeDigits + idDigits}}$`), { error: 'must be the cursor of the page before' })
    .transform((text): Cursor<Id> => ({
      createdAt: new Date(Number.parseInt(text.slice(0, timeDigits), 16)),
      id: toId(text.slice(timeDigits)),
    }));
}
