import { describe, expect, it } from 'vitest';
import { formatAgo, formatMs, formatPlace, formatPlural, formatSpeed, formatWait } from './format.ts';

describe('durations', () => {
  it.each([
    [null, '–'],
    [12.026079999999638, '12 ms'],
    [1_240, '1.2 s'],
    [59_400, '59 s'],
    [180_000, '3 min'],
    [9_000_000, '2.5 h'],
    [400_000_000, '5 days'],
  ])('%s ms are %s', (ms, text) => {
    expect(formatMs(ms)).toBe(text);
  });
});

describe('times', () => {
  const now = Date.parse('2026-11-29T12:00:00.000Z');
  it.each([
    ['2026-11-29T12:00:00.500Z', 'now'],
    ['2026-11-29T11:59:48.000Z', '12 s ago'],
    ['2026-11-29T11:55:00.000Z', '5 min ago'],
  ])('%s is %s', (time, text) => {
    expect(formatAgo(time, now)).toBe(text);
  });

  it('that were half a day ago have a date', () => {
    expect(formatAgo('2026-11-28T12:00:00.000Z', now)).toMatch(/Nov/);
    expect(formatAgo('2026-11-29T09:00:00.000Z', now)).toMatch(/^\d\d:\d\d$/);
  });

  it('to come are soon once they are over', () => {
    expect(formatWait('2026-11-29T12:00:12.000Z', now)).toBe('in about 12 s');
    expect(formatWait('2026-11-29T11:59:59.000Z', now)).toBe('soon');
    expect(formatWait(null, now)).toBe('');
  });
});

it('counts in words', () => {
  expect(formatPlural(1, 'token')).toBe('1 token');
  expect(formatPlural(1_318, 'token')).toBe('1,318 tokens');
  expect(formatPlace(0)).toBe('next');
  expect(formatPlace(3)).toBe('3 ahead');
  expect(formatSpeed(205.6)).toBe('206/s');
});
