import { expect, it } from 'vitest';
import { createClaimPicker } from './claim-picker.ts';

it('one claim in three skips class 0, and one in twelve all but the last class', () => {
  const pickClass = createClaimPicker();
  const cycle = [0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 2];
  expect(Array.from({ length: 24 }, pickClass)).toEqual([...cycle, ...cycle]);
});
