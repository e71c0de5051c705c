import { describe, expect, it } from 'vitest';
import { createStreamMatcher } from './stream-matcher.ts';

const findIn = (sequence: string, ...chunks: readonly string[]) => {
  const isFoundIn = createStreamMatcher(sequence);
  return chunks.map((chunk) => isFoundIn(Buffer.from(chunk)));
};

describe('a stream matcher', () => {
  it('finds a sequence in the chunk that ends it, wherever it is cut', () => {
    expect(findIn('commit', 'begin', 'commit', 'com', 'm', 'it;', 'comm', 'else')).toEqual([
      false,
      true,
      false,
      false,
      true,
      false,
      false,
    ]);
  });

  it('never finds the same bytes twice', () => {
    expect(findIn('aa', 'aa', 'a', 'a')).toEqual([true, false, true]);
  });
});
