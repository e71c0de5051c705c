import { expect, it } from 'vitest';
import { describeEstimates } from './estimates.ts';

it.each([
  ['no estimates to compare', null, ''],
  ['estimates that were right', 0, 'usually right within 1 %'],
  ['a part of a percent', 0.191, 'usually right within 20 %'],
  ['errors as long as the waits', 1.2, 'a rough guess'],
])('says what %s are worth', (_name, p95, words) => {
  expect(describeEstimates({ p50: 0, p95, p99: p95 })).toBe(words);
});

it('says nothing before it knows anything', () => {
  expect(describeEstimates(null)).toBe('');
});
