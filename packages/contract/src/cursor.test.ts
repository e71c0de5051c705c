import { newId } from '@prosemill/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeCursor, numberCursor, uuidCursor } from './cursor.ts';

const createdAt = new Date('2026-11-24T01:02:03.456Z');
const ofUuid = encodeCursor({ createdAt, id: newId() });
const ofNumber = encodeCursor({ createdAt, id: 42 });

const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));

describe('cursors', () => {
  it('decode to the place that was encoded', () => {
    const id = newId();
    expect(uuidCursor.parse(encodeCursor({ createdAt, id }))).toEqual({ createdAt, id });
    expect(numberCursor.parse(encodeCursor({ createdAt, id: 42 }))).toEqual({ createdAt, id: 42 });
  });

  it.each(['', 'nope', '!!!', `${ofUuid} `, `${ofNumber}\n`, ofUuid.toUpperCase(), '9'.repeat(200)])(
    'do not match %o',
    (text) => {
      expect(uuidCursor.safeParse(text).success).toBe(false);
      expect(numberCursor.safeParse(text).success).toBe(false);
    },
  );

  it('belong to one list', () => {
    expect(numberCursor.safeParse(ofUuid).success).toBe(false);
    expect(uuidCursor.safeParse(ofNumber).success).toBe(false);
  });

  it('decode to a time and an id, whatever their digits are', () => {
    fc.assert(
      fc.property(hex(44), (text) => {
        const place = uuidCursor.parse(text);
        expect(place.createdAt.getTime()).not.toBeNaN();
        expect(encodeCursor(place)).toBe(text);
      }),
    );
    fc.assert(
      fc.property(hex(25), (text) => {
        const place = numberCursor.parse(text);
        expect(Number.isSafeInteger(place.id)).toBe(true);
        expect(encodeCursor(place)).toBe(text);
      }),
    );
  });
});
