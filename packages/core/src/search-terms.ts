/** The words of texts and of searches: the one tokenizer of the search, on every database. */

/** The first words of a text, which a search finds. It does not find later ones. */
export const maxSearchedTerms = 16_000;
/** Occurrences of a word in a text; phrases do not find later ones. */
export const maxSearchedOccurrences = 255;

/** Scripts that write no spaces between words: each character is a term, and a word is found as a phrase of them. */
const spaceless = ['Han', 'Hiragana', 'Katakana', 'Thai', 'Lao', 'Khmer', 'Myanmar']
  .map((script) => String.raw`\p{Script=${script}}`)
  .join('');
/** A character of these scripts, a run of letters, digits and marks, or an emoji. */
const termPattern = new RegExp(
  String.raw`[${spaceless}]|(?:(?![${spaceless}])[\p{L}\p{N}\p{M}])+|\p{Extended_Pictographic}|\p{Regional_Indicator}`,
  'gu',
);
/** Accents that letters of Latin, Greek and Cyrillic may have, and the marks that choose the look of an emoji. */
const accents = /[\u0300-\u036F\uFE00-\uFE0F\u20E3]/g;

/**
 * The terms of a text in order. Case, accents and compatibility forms (NFKC) make no difference; everything that is no
 * letter, digit or emoji separates.
 */
export const toTerms = (text: string): readonly string[] => normalize(text).match(termPattern) ?? [];

/** Upper case makes `ß` and `SS` the same, but leaves `ẞ` as it is: so that becomes `ß` first. */
const normalize = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .toUpperCase()
    .toLowerCase()
    .replaceAll('ς', 'σ')
    .normalize('NFD')
    .replaceAll(accents, '')
    .normalize('NFC');

/**
 * The phrases of a search; a text matches when it has all of them. A phrase is what stands between white space, or
 * between double quotes: `don't` is the phrase of `don` and `t`. An unpaired quote is a separator like any other. Parts
 * without terms are left out.
 */
export const parseSearch = (search: string): readonly (readonly string[])[] =>
  Array.from(search.matchAll(/"([^"]*)"|[^\s"]+/g), ([part, quoted]) => toTerms(quoted ?? part)).filter(
    ({ length }) => length > 0,
  );
