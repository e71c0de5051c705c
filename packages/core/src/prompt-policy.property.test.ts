/** Properties of the word filter: ordinary words pass in any sentence; disguised forbidden ones do not. */
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPromptPolicy, defaultForbiddenWords } from './prompt-policy.ts';

const isRefused = createPromptPolicy(defaultForbiddenWords);

const forms =
  'hate hates hated hating hater haters hateful hatefully hatred violence violences violent violently'.split(' ');

const root = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

/**
 * Words of the texts and of the vocabulary in the repository, and words that a filter for parts of words would
 * refuse.
 */
const ordinaryWords = [
  ...Object.keys(JSON.parse(read('models/tiny-tales/vocab.json')) as Record<string, number>).map((token) =>
    token.replace('\u0120', ''),
  ),
  ...`${read('packages/engine/texts/held-out.txt')} ${read('packages/engine/texts/calibration.txt')}`.split(
    /[^\p{L}\p{M}']+/u,
  ),
  ...'whatever somewhat hat hats hatch hatchet hatter hath that theater chateau château ghat ghatee chatelaine'.split(
    ' ',
  ),
  ...'phosphate sulphate exhale hare halter haste hats-off heat heathen Hathaway Manhattan Thatcher caveat'.split(' '),
  ...'viola violet violin violinist violate violation inviolate viol nonviolence nonviolent ultraviolet'.split(' '),
].filter((word) => /^\p{L}[\p{L}'-]+\p{L}$/u.test(word) && !forms.includes(word.toLowerCase()));

const wordArbitrary = fc.constantFrom(...ordinaryWords);
const formArbitrary = fc.constantFrom(...forms);
const lettersArbitrary = fc.string({
  unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz'.split('')),
  minLength: 1,
  maxLength: 3,
});

/**
 * A letter of another script, or an unusual Latin one, that a reader takes for this one; picked by eye, not from the
 * table of the filter.
 */
const lookAlikes: Readonly<Record<string, string>> = {
  a: 'аαАΑɑ',
  c: 'сСϲᴄ',
  d: 'ԁᴅ',
  e: 'еεЕΕᴇ',
  f: 'ƒꜰ',
  g: 'ɡɢ',
  h: 'һНΗʜ',
  i: 'іιІΙӏ',
  l: 'ӏӀІʟ',
  n: 'Νɴп',
  o: 'оοОΟσ',
  r: 'гʀ',
  s: 'ѕЅꜱ',
  t: 'тТτΤᴛ',
  u: 'υᴜ',
  v: 'νѵᴠ',
  y: 'уУΥү',
};

/** The letter in the alphabet that starts at this code point: full width, mathematical, circled, squared. */
const alphabets = [
  0xff_41, 0xff_21, 0x1_d4_00, 0x1_d4_1a, 0x1_d5_d4, 0x1_d6_70, 0x24_b6, 0x24_d0, 0x1_f1_30, 0x1_f1_70,
];
const inAlphabet = (start: number, letter: string): string =>
  String.fromCodePoint(start + letter.charCodeAt(0) - 'a'.charCodeAt(0));

const accents = ['\u0301', '\u0308', '\u0323', '\u0336', '\u0327\u0302'];
const invisible = ['\u200B', '\u200C', '\u200D', '\u2060', '\uFEFF', '\u00AD', '\u200E', '\u202E', '\uFE0F', '\u034F'];

/** One letter in one of its disguises. */
const disguisedLetter = (letter: string): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constantFrom(letter, letter.toUpperCase()),
    fc.constantFrom(...Array.from(lookAlikes[letter] ?? letter)),
    fc.constantFrom(...alphabets).map((start) => inAlphabet(start, letter)),
    fc.constantFrom(...accents).map((accent) => `${letter}${accent}`),
    fc.constantFrom(...accents).map((accent) => `${letter.toUpperCase()}${accent}`.normalize('NFC')),
    fc.constantFrom(...invisible).map((character) => `${letter}${character}`),
  );

const separatorArbitrary = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.constantFrom(' ', '.', '-', '_', '*', '\n', ' - ', '...', '\u00A0', ' \u{1F600} ') },
);

const surroundingArbitrary = fc.constantFrom(
  ['', ''],
  ['I ', ' you'],
  ['They say "', '", and more.'],
  ['Once upon a time there was ', '!'],
  ['(', ')'],
);

/** A forbidden word, each letter in a disguise of its own, perhaps spaced out, in a sentence or alone. */
const disguiseArbitrary = formArbitrary
  .chain((form) => fc.tuple(fc.tuple(...Array.from(form, disguisedLetter)), separatorArbitrary, surroundingArbitrary))
  .map(([letters, separator, [before = '', after = '']]) => `${before}${letters.join(separator)}${after}`);

describe('prompt policy, for any prompt', () => {
  it('accepts each ordinary word, in upper and lower case', () => {
    const cases = ordinaryWords.flatMap((word) => [word, word.toUpperCase(), `${word}'s`, `"${word}."`]);
    expect(ordinaryWords.length).toBeGreaterThan(3_000);
    expect(cases.filter(isRefused)).toEqual([]);
  });

  it('accepts sentences of ordinary words', () => {
    const sentence = fc.array(wordArbitrary, { maxLength: 30 });
    fc.assert(
      fc.property(sentence, fc.constantFrom(' ', ', ', '-', '\n', '. '), (words, separator) => {
        expect(isRefused(words.join(separator))).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('accepts longer words that contain a forbidden one', () => {
    const longer = fc
      .tuple(fc.option(lettersArbitrary, { nil: '' }), formArbitrary, fc.option(lettersArbitrary, { nil: '' }))
      .map((parts) => parts.join(''))
      .filter((word) => !forms.includes(word));
    fc.assert(
      fc.property(longer, (word) => {
        expect(isRefused(`A ${word} is a word.`)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('does not take a digit for a letter', () => {
    const withDigit = fc
      .tuple(formArbitrary, fc.nat(), fc.nat({ max: 9 }))
      .map(
        ([form, place, digit]) => form.slice(0, place % form.length) + digit + form.slice((place % form.length) + 1),
      );
    fc.assert(
      fc.property(withDigit, (word) => {
        expect(isRefused(word)).toBe(false);
      }),
    );
  });

  it('refuses 99 of 100 disguises', () => {
    const prompts = fc.sample(disguiseArbitrary, 5_000);
    const missed = prompts.filter((prompt) => !isRefused(prompt));
    expect(missed.length, `missed, for one: ${missed.slice(0, 10).map(escaped).join(' | ')}`).toBeLessThanOrEqual(
      prompts.length / 100,
    );
  });
});

/** Makes invisible characters readable in a message. */
const escaped = (text: string): string =>
  text.replaceAll(/[^\x20-\x7E]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
