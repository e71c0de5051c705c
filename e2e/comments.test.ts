import { describe, expect, it } from 'vitest';
import { findBadComments } from './comments.ts';

const long = 'x'.repeat(120);
/** Built, so that this file has no bad comments itself. */
const docstring = (text: string): string => ['/*', `* ${text} */`].join('');

describe('a comment is found', () => {
  it.each([
    ['over column 120', `const a = 1;\n  // ${long}`, 'a.ts:2: the comment ends at column 125'],
    ['over column 120 in a docstring', `/**\n * ${long}\n */`, 'a.ts:2: the comment ends at column 123'],
    ['over column 120 behind code', `const a = 1; // ${long}`, 'a.ts:1: the comment ends at column 136'],
    ['that begins with Of', `\n  ${docstring('Of a job.')}`, 'a.ts:2: the docstring begins with "Of"'],
    [
      'that begins with What, on its second line',
      docstring('\n * What it does.\n'),
      'a.ts:1: the docstring begins with',
    ],
    ['that begins with Whoever', docstring('Whoever asks.'), 'the docstring begins with "Whoever"'],
  ])('%s', (_name, text, expected) => {
    expect(findBadComments('a.ts', text)).toEqual([expect.stringContaining(expected)]);
  });
});

it.each([
  ['code over column 120', `const text = '${long}';`],
  ['a URL over column 120', `const url = 'http://${long}';`],
  ['a comment up to column 120', `// ${'x'.repeat(117)}`],
  ['words that begin like the forbidden ones', '/** Offers a permit. */ /** Whether it waits. */ /** Whose it is. */'],
  ['such a word in the middle', '/** The number\n * of jobs. */'],
])('%s is fine', (_name, text) => {
  expect(findBadComments('a.ts', text)).toEqual([]);
});
