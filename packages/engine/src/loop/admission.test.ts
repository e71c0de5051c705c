import { describe, expect, it } from 'vitest';
import { admit, divideBudget, maxChunk, promptBudget } from './admission.ts';

describe('admission', () => {
  it('takes waiting texts in their order, no more than there is room for', () => {
    expect(admit({ waiting: [1, 1, 1], freeTexts: 2, freePages: 9 })).toBe(2);
    expect(admit({ waiting: [1, 1, 1], freeTexts: 5, freePages: 9 })).toBe(3);
    expect(admit({ waiting: [1], freeTexts: 0, freePages: 9 })).toBe(0);
    expect(admit({ waiting: [], freeTexts: 5, freePages: 9 })).toBe(0);
  });

  it('lets a text that needs more memory than is free wait, and those behind it', () => {
    expect(admit({ waiting: [4, 5, 1], freeTexts: 3, freePages: 8 })).toBe(1);
    expect(admit({ waiting: [4, 4, 1], freeTexts: 3, freePages: 8 })).toBe(2);
  });
});

describe('the prompt positions of a step', () => {
  it('are all that the prompts need, within the budget', () => {
    expect(divideBudget([10, 20, 30])).toEqual([10, 20, 30]);
    expect(divideBudget([])).toEqual([]);
  });

  it('go to the oldest prompt first, however many short ones come', () => {
    expect(divideBudget([300, 90, 90, 90])).toEqual([maxChunk, 90, promptBudget - maxChunk - 90, 0]);
  });

  it('are a chunk of a long prompt, and go to short prompts first', () => {
    expect(divideBudget([500])).toEqual([maxChunk]);
    expect(divideBudget([500, 500, 5])).toEqual([maxChunk, promptBudget - maxChunk - 5, 5]);
    const many = divideBudget(Array.from({ length: 40 }, () => 20));
    expect(many.reduce((sum, share) => sum + share)).toBe(promptBudget);
    expect(many.slice(0, 12)).toEqual(Array.from({ length: 12 }, () => 20));
  });
});
