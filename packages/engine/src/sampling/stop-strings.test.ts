import { describe, expect, it } from 'vitest';
import { StopMatcher } from './stop-strings.ts';

/** The output when the text arrives in pieces of this length; '|' marks a stop. */
function run(stops: string[], text: string, pieceLength: number): string {
  const matcher = new StopMatcher(stops);
  let out = '';
  for (let from = 0; from < text.length; from += pieceLength) {
    const { text: part, isStopped } = matcher.push(text.slice(from, from + pieceLength));
    out += part;
    if (isStopped) return `${out}|`;
  }
  return out + matcher.flush();
}

describe('stop strings', () => {
  it.each([
    [[], 'one two', 'one two'],
    [['two'], 'one two three', 'one |'],
    [['one'], 'one two', '|'],
    [['three', 'two'], 'one two three', 'one |'],
    [['\n\n'], 'a\nb\n\nc', 'a\nb|'],
    [['aab'], 'aaab', 'a|'],
    [['tw'], 'one t', 'one t'],
    [['abcd', 'bc'], 'xabcd', 'xa|'],
    [['cd', 'bcd'], 'abcd', 'a|'],
    [['👍'], 'so 👍 good', 'so |'],
  ])('%o in %o gives %o, however the text is cut', (stops, text, expected) => {
    for (const pieceLength of [1, 2, 3, 100]) expect(run(stops, text, pieceLength)).toBe(expected);
  });

  it('holds back only text that may become a stop string', () => {
    const matcher = new StopMatcher(['END']);
    expect(matcher.push('the E')).toEqual({ text: 'the ', isStopped: false });
    expect(matcher.push('N')).toEqual({ text: '', isStopped: false });
    expect(matcher.push('d')).toEqual({ text: 'ENd', isStopped: false });
    expect(matcher.push(' E')).toEqual({ text: ' ', isStopped: false });
    expect(matcher.flush()).toBe('E');
  });
});
