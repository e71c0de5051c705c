import { expect, it } from 'vitest';
import { createClaimPicker } from './claim-picker.ts';

it('takes the oldest row with one claim in four', () => {
  const pick = createClaimPicker();
  expect(Array.from({ length: 8 }, pick)).toEqual(['next', 'next', 'next', 'oldest', 'next', 'next', 'next', 'oldest']);
});
