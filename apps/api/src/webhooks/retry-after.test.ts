import { expect, it } from 'vitest';
import { retryAfterMsOf } from './retry-after.ts';

it.each([
  ['120', 120_000],
  ['0', 0],
  ['9'.repeat(400), Number.POSITIVE_INFINITY],
  ['Mon, 30 Nov 2026 12:00:30 GMT', 30_000],
  ['Mon, 30 Nov 2026 11:00:00 GMT', 0],
  ['Mon, 99 Nov 2026 12:00:30 GMT', null],
  ['', null],
  ['-1', null],
  ['1.5', null],
  ['soon', null],
  ['in 5 years', null],
  ['2026-11-30T12:00:30Z', null],
  [null, null],
])('Retry-After: %s is %s ms', (value, ms) => {
  expect(retryAfterMsOf(value, Date.UTC(2026, 10, 30, 12))).toBe(ms);
});
