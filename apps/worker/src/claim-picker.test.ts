import { expect, it } from 'vitest';
import { createClaimPicker } from './claim-picker.ts';

it('leaves out who waits with one claim in three, and all but the last class with one in twelve', () => {
  const pickClass = createClaimPicker();
  const cycle = [0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 2];
  expect(Array.from({ length: 24 }, pickClass)).toEqual([...cycle, ...cycle]);
});
