import { expect, it } from 'vitest';
import { exp } from './exp.ts';
import { createRandom } from './random.ts';

it('e to the power of any number up to 0 is within two units of the last place of Math.exp', () => {
  const random = createRandom(1);
  const powers = Array.from({ length: 20_000 }, (_, index) => -random() * 10 ** ((index % 20) - 17));
  for (const x of powers) expect(Math.abs(exp(x) / Math.exp(x) - 1)).toBeLessThan(2.1 * Number.EPSILON);
  expect([0, -0, -Number.MIN_VALUE, -1e-17].map(exp)).toEqual([1, 1, 1, 1]);
  expect([-746, -1e308, Number.NEGATIVE_INFINITY, Number.NaN].map(exp)).toEqual([0, 0, 0, Number.NaN]);
  for (const x of [-709, -720, -744, -745.1]) {
    expect(Math.abs(exp(x) - Math.exp(x))).toBeLessThanOrEqual(2 * Number.MIN_VALUE);
  }
});
