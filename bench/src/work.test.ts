import { describe, expect, it } from 'vitest';
import { mean } from './statistics.ts';
import { createPromptMaker, evenSlice, spread, type Work } from './work.ts';

const workOf = (lengths: readonly number[]): readonly Work[] =>
  lengths.map((length) => ({ ...createPromptMaker({})(length), newTokens: length }));

describe('prompts', () => {
  it('have as many words as the requested tokens, each with its id', () => {
    const { prompt, promptIds } = createPromptMaker({ Ġthe: 7 })(30);
    expect(prompt.trim().split(' ')).toHaveLength(30);
    expect(promptIds).toHaveLength(30);
    expect(promptIds).toContain(7);
  });

  it('have lengths that cover their range evenly', () => {
    const lengths = Array.from({ length: 500 }, (_, index) => spread(index, [8, 120]));
    expect([Math.min(...lengths), Math.max(...lengths)]).toEqual([8, 120]);
    expect(Math.abs(mean(lengths) - 64)).toBeLessThan(1);
  });
});

describe('a slice of the work', () => {
  it('has the mean lengths of all of it', () => {
    const slice = evenSlice(workOf([1, 1, 1, 40, 60, 50, 100, 100, 97]), 3);
    expect(slice.map(({ newTokens }) => newTokens)).toEqual([40, 60, 50]);
  });

  it('is refused if no slice has these mean lengths', () => {
    expect(() => evenSlice(workOf([1, 100, 1, 100]), 1)).toThrow('No 1 texts');
  });
});
