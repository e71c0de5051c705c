import { expect, it } from 'vitest';
import { excerpt, showControl, table } from './output.ts';

it.each([
  ['a\tb\nc', 'a\tb\nc'],
  ['\u001B[2J\u0007', '␛[2J␇'],
  ['\u009B1m', '<009B>1m'],
  ['a\u202Eb\u2066', 'a<202E>b<2066>'],
  ['\r', '␍'],
])('shows the control characters of %j', (text, shown) => {
  expect(showControl(text)).toBe(shown);
});

it('cuts a text between characters, and to one line', () => {
  expect(excerpt('a\n\n b', 9)).toBe('a b');
  expect(excerpt('😀😀😀', 3)).toBe('😀😀😀');
  expect(excerpt('😀😀😀😀', 3)).toBe('😀😀…');
});

it('aligns columns without spaces behind them', () => {
  expect(
    table([
      ['A', 'B'],
      ['long', 'b'],
      ['c', ''],
    ]),
  ).toBe('A     B\nlong  b\nc\n');
});

it('has room for very many rows', () => {
  expect(table(Array.from({ length: 200_000 }, () => ['a'])).length).toBe(400_000);
});
