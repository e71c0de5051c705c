import { describe, expect, it } from 'vitest';
import { parsePreference } from './preference.ts';

describe('Prefer', () => {
  it.each([
    [undefined, 30_000, null],
    ['', 30_000, null],
    ['wait=5', 5_000, 'wait=5'],
    ['wait="5"', 5_000, 'wait=5'],
    ['Wait = 5 ; foo=bar', 5_000, 'wait=5'],
    ['wait=0', 1_000, 'wait=1'],
    ['wait=3600', 60_000, 'wait=60'],
    ['wait=-1', 30_000, null],
    ['wait=soon', 30_000, null],
    ['respond-async', 0, 'respond-async'],
    ['handling=lenient, Respond-Async', 0, 'respond-async'],
    ['respond-async, wait=10', 10_000, 'wait=10'],
    ['wait=1, wait=9', 1_000, 'wait=1'],
    [';;;,=,"', 30_000, null],
  ])('%o waits %i ms and is answered with %o', (header, waitMs, applied) => {
    expect(parsePreference(header)).toEqual({ waitMs, applied });
  });
});
