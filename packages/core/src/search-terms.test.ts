import { describe, expect, it } from 'vitest';
import { parseSearch, toTerms } from './search-terms.ts';

describe('toTerms', () => {
  it.each<[name: string, text: string, terms: readonly string[]]>([
    [
      'letters and digits, whatever separates them',
      'The old king: 42 (or 43)!',
      ['the', 'old', 'king', '42', 'or', '43'],
    ],
    ['no case', 'KING King straße STRASSE STRAẞE', ['king', 'king', 'strasse', 'strasse', 'strasse']],
    ['no accents', 'Café naïve Łódź Ελλάδα', ['cafe', 'naive', 'łodz', 'ελλαδα']],
    ['one sigma', 'ΟΔΟΣ οδος οδοσ', ['οδοσ', 'οδοσ', 'οδοσ']],
    ['compatibility forms', 'ｋｉｎｇ ﬁre ①', ['king', 'fire', '1']],
    ['composed and decomposed text', 'é e\u0301', ['e', 'e']],
    ['each character of scripts without spaces', '東京都へ ไทย', ['東', '京', '都', 'へ', 'ไ', 'ท', 'ย']],
    ['words of Hangul and of Hindi', '한국어 हिन्दी', ['한국어', 'हिन्दी']],
    ['each emoji, without its variants', '👩‍👩‍👧 ❤️ 👍🏽 🇩🇪', ['👩', '👩', '👧', '❤', '👍', '🇩', '🇪']],
    ['addresses and code as their parts', "a.b@example.com x'); drop--", ['a', 'b', 'example', 'com', 'x', 'drop']],
    ['nothing', ' \n"*:&|!()-+^', []],
  ])('gives %s', (_name, text, terms) => {
    expect(toTerms(text)).toEqual(terms);
  });
});

describe('parseSearch', () => {
  it.each<[search: string, phrases: readonly (readonly string[])[]]>([
    ['old  king', [['old'], ['king']]],
    ['"old king" was', [['old', 'king'], ['was']]],
    ["don't", [['don', 't']]],
    [
      '東京 a@b.c',
      [
        ['東', '京'],
        ['a', 'b', 'c'],
      ],
    ],
    ['"unpaired quote', [['unpaired'], ['quote']]],
    ['a"b c"d', [['a'], ['b', 'c'], ['d']]],
    ['NOT near(a, b) OR *', [['not'], ['near', 'a'], ['b'], ['or']]],
    ['"" - "!"', []],
  ])('reads %s', (search, phrases) => {
    expect(parseSearch(search)).toEqual(phrases);
  });
});
