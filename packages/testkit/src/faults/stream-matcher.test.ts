import { describe, expect, it } from 'vitest';
import { createStreamMatcher } from './stream-matcher.ts';

const findIn = (steps: Parameters<typeof createStreamMatcher>[0], ...chunks: readonly string[]) => {
  const isFoundIn = createStreamMatcher(steps);
  return chunks.map((chunk) => isFoundIn(Buffer.from(chunk)));
};

describe('a stream matcher', () => {
  it('finds a sequence in the chunk that ends it, wherever it is cut', () => {
    expect(findIn(['commit'], 'begin', 'commit', 'com', 'm', 'it;', 'comm', 'else')).toEqual([
      false,
      true,
      false,
      false,
      true,
      false,
      false,
    ]);
  });

  it('finds any of several sequences, also of bytes that are no text', () => {
    expect(findIn([['COMMIT', Buffer.from([0, 11])]], 'x', '\0', '\u000B', 'COMMIT')).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  it('finds steps in order only, and then begins again', () => {
    expect(findIn(['insert', 'commit'], 'commit', 'insert', 'commit', 'commit', 'insert commit')).toEqual([
      false,
      false,
      true,
      false,
      true,
    ]);
  });

  it('never finds the same bytes twice', () => {
    expect(findIn(['aa'], 'aa', 'a', 'a')).toEqual([true, false, true]);
  });
});
