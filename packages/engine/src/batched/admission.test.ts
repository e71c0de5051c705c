import { describe, expect, it } from 'vitest';
import { admit, promptBudget } from './admission.ts';
import { chunkTokens } from './prompt-chunks.ts';

const unit = 16;

describe('admission', () => {
  it('lets the first one in if there is a slot', () => {
    expect(admit({ waiting: [40], freeSlots: 1, unit })).toEqual([0]);
    expect(admit({ waiting: [40], freeSlots: 0, unit })).toEqual([]);
    expect(admit({ waiting: [], freeSlots: 5, unit })).toEqual([]);
  });

  it('lets prompts of the same padded length join it', () => {
    expect(admit({ waiting: [17, 40, 32, 16, 20], freeSlots: 5, unit })).toEqual([0, 2, 4]);
  });

  it('takes no more than there are slots', () => {
    expect(admit({ waiting: [10, 10, 10], freeSlots: 2, unit })).toEqual([0, 1]);
  });

  it('stays within its budget, padding included', () => {
    const waiting = Array.from({ length: 40 }, () => 1);
    expect(admit({ waiting, freeSlots: 40, unit })).toHaveLength(promptBudget / unit);
  });

  it('admits a prompt of several chunks alone', () => {
    expect(admit({ waiting: [chunkTokens + 1, chunkTokens + 1], freeSlots: 5, unit })).toEqual([0]);
    expect(admit({ waiting: [1, chunkTokens + 1], freeSlots: 5, unit })).toEqual([0]);
  });
});
