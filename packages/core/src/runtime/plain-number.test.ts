import { describe, expect, it } from 'vitest';
import { isWholeNumber, parseDecimal } from './plain-number.ts';

const noNumbers = [
  '',
  ' ',
  '\t',
  '5 ',
  ' 5',
  '5\n',
  '0x10',
  '0b1',
  '0o7',
  '1e3',
  '+5',
  '1_000',
  '1,000',
  '1.',
  '.5',
  '007',
  '-',
  'NaN',
  'Infinity',
  '5n',
  '٥',
  '５',
  '1.5.2',
  '9'.repeat(400),
];

describe('plain numbers', () => {
  it.each(noNumbers)('%j is refused', (text) => {
    expect([parseDecimal(text), isWholeNumber(text, { min: 0 })]).toEqual([null, false]);
  });

  it.each([
    ['0', 0],
    ['8000', 8000],
    ['-3', -3],
    ['0.8', 0.8],
    ['10.50', 10.5],
  ])('%j is %d', (text, number) => {
    expect(parseDecimal(text)).toBe(number);
  });

  it.each(['-1', '-0', '1.0', '3', '65536', '9007199254740992'])('%j is not a whole number from 4 to 65535', (text) => {
    expect(isWholeNumber(text, { min: 4, max: 65_535 })).toBe(false);
  });

  it('a range includes its ends', () => {
    expect(['4', '65535'].every((text) => isWholeNumber(text, { min: 4, max: 65_535 }))).toBe(true);
    expect(isWholeNumber('9007199254740992', { min: 0 })).toBe(false);
  });
});
