import { describe, expect, it } from 'vitest';
import { admit, paddedLength, prefillBudget } from './admission.ts';

describe('admission', () => {
  it('takes as many as there are slots when nothing runs', () => {
    expect(admit({ waiting: [400, 400, 400], freeSlots: 2, running: 0 })).toBe(2);
    expect(admit({ waiting: [400], freeSlots: 2, running: 0 })).toBe(1);
    expect(admit({ waiting: [], freeSlots: 2, running: 0 })).toBe(0);
  });

  it('keeps to its budget while others would stand still', () => {
    const fitting = prefillBudget / 64;
    expect(admit({ waiting: Array.from({ length: 20 }, () => 64), freeSlots: 20, running: 1 })).toBe(fitting);
  });

  it('counts what a prompt costs with its padding', () => {
    const waiting = Array.from({ length: 40 }, () => 1);
    expect(admit({ waiting, freeSlots: 40, running: 1 })).toBe(prefillBudget / paddedLength(1));
  });

  it('lets one in that is larger than the budget, so that it does not wait for ever', () => {
    expect(admit({ waiting: [1_000, 10], freeSlots: 5, running: 31 })).toBe(1);
  });

  it('lets nobody pass: first come, first served', () => {
    expect(admit({ waiting: [200, 200, 1], freeSlots: 5, running: 1 })).toBe(1);
  });

  it('takes nobody without a slot', () => {
    expect(admit({ waiting: [10], freeSlots: 0, running: 32 })).toBe(0);
  });
});
