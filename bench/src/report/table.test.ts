import { describe, expect, it } from 'vitest';
import { formatNumber, markdownTable } from './table.ts';

it('pads the cells of a table to one width', () => {
  expect(
    markdownTable([
      ['a', 'long'],
      ['bbb', ''],
    ]),
  ).toBe('| a   | long |\n| --- | ---- |\n| bbb |      |');
});

describe('a number', () => {
  it.each([
    [1234.6, '1,235'],
    [56.78, '56.8'],
    [0.01234, '0.012'],
    [Number.NaN, '–'],
  ])('%s is %s', (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });
});
