import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { countCodePoints, unitsOf } from './code-points.ts';

describe('code points', () => {
  it.each([
    ['', 0],
    ['abc', 3],
    ['日本', 2],
    ['e\u0301', 2],
    ['👩‍👩‍👧', 5],
    ['\ud83d', 1],
  ])('of %o are %i', (text, count) => {
    expect(countCodePoints(text)).toBe(count);
  });

  it('of any text divide it like the iterator of strings', () => {
    const texts = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }));
    fc.assert(
      fc.property(texts, fc.nat(20), (text, count) => {
        expect(countCodePoints(text)).toBe(Array.from(text).length);
        expect(text.slice(0, unitsOf(text, count))).toBe(Array.from(text).slice(0, count).join(''));
      }),
    );
  });
});
