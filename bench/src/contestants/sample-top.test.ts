import { expect, it } from 'vitest';
import { sampleTop } from './sample-top.ts';

it('draws only among the largest logits, and larger ones more often', () => {
  const logits = Float32Array.from([0, 3, -1, 5, 4, 1]);
  const drawn = Array.from({ length: 1_000 }, (_, index) => sampleTop(logits, 3, () => index / 1_000));
  const times = (id: number): number => drawn.filter((other) => other === id).length;
  expect(times(1) + times(3) + times(4)).toBe(1_000);
  // e^5, e^4 and e^3, divided by their sum.
  expect([times(3), times(4), times(1)].map((count) => Math.round(count / 10))).toEqual([67, 24, 9]);
});
