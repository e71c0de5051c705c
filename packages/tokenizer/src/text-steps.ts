/**
 * Rewrites normalizers and pre-tokenizers, which split a text into words. The JavaScript library then gives the same
 * results as Hugging Face's Rust library. Some of the JavaScript library's classes know only ASCII, only JavaScript's
 * white space, or only one of several behaviors. Its patterns work, so those steps become patterns. In a pattern \s is
 * Unicode's White_Space: with U+0085, without U+FEFF.
 */

/** A normalizer, pre-tokenizer or decoder of tokenizer.json. */
export interface StepJson {
  readonly type: string;
  readonly [setting: string]: unknown;
}

type Pattern = { readonly Regex: string } | { readonly String: string };

/** How a split turns the matches and the text between them into words. */
type Behavior = 'Isolated' | 'Removed' | 'Contiguous' | 'MergedWithPrevious' | 'MergedWithNext';

/** `\w` as in Rust; Oniguruma's also has superscripts and fractions. */
const wordCharacters = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200C\\u200D';
/** Unicode's punctuation, and all other ASCII symbols. */
const punctuation = '\\p{P}!-/:-@\\[-`{-~';

const matchesOf = (Regex: string): StepJson => ({
  type: 'Split',
  pattern: { Regex },
  behavior: 'Removed',
  invert: true,
});

/** Lowercases Σ to σ; JavaScript would write a final sigma at the end of a word. @see lowercase in normalizer.rs */
const lowerSigma: StepJson = { type: 'Replace', pattern: { String: '\u03A3' }, content: '\u03C3' };

/** Ideographs beyond U+FFFF, which the library lacks. @see is_chinese_char in bert.rs, with its gap after U+2B81F */
const spacedIdeographs: StepJson = {
  type: 'Replace',
  pattern: { Regex: '[\\x{20000}-\\x{2A6DF}\\x{2A700}-\\x{2B81F}\\x{2B920}-\\x{2CEAF}\\x{2F800}-\\x{2FA1F}]' },
  content: ' $& ',
};

const sequenceOf = (...normalizers: StepJson[]): StepJson => ({ type: 'Sequence', normalizers });

/** @param json  The section `normalizer` of tokenizer.json. */
export function normalizerFor(json: StepJson): StepJson {
  switch (json.type) {
    case 'Sequence':
      return { ...json, normalizers: (json['normalizers'] as StepJson[]).map(normalizerFor) };
    case 'Lowercase':
      return sequenceOf(lowerSigma, json);
    case 'BertNormalizer':
      return sequenceOf(
        ...(json['handle_chinese_chars'] === true ? [spacedIdeographs] : []),
        ...(json['lowercase'] === true ? [lowerSigma] : []),
        json,
      );
    case 'Strip':
      return sequenceOf(
        ...(json['strip_left'] === true ? [removal('\\A\\s+')] : []),
        ...(json['strip_right'] === true ? [removal('\\s+\\z')] : []),
      );
    default:
      return json;
  }
}

const removal = (Regex: string): StepJson => ({ type: 'Replace', pattern: { Regex }, content: '' });

/** @param json  The section `pre_tokenizer` of tokenizer.json. */
export function preTokenizerFor(json: StepJson): StepJson {
  switch (json.type) {
    case 'Sequence':
      return { ...json, pretokenizers: (json['pretokenizers'] as StepJson[]).map(preTokenizerFor) };
    case 'Whitespace':
      return matchesOf(`[${wordCharacters}]+|[^${wordCharacters}\\s]+`);
    case 'WhitespaceSplit':
      return matchesOf('\\S+');
    case 'BertPreTokenizer':
      return matchesOf(`[^\\s${punctuation}]+|[${punctuation}]`);
    case 'Punctuation':
      return split({ Regex: `[${punctuation}]` }, (json['behavior'] ?? 'Isolated') as Behavior);
    case 'Digits':
      return split({ Regex: '\\p{N}' }, json['individual_digits'] === true ? 'Isolated' : 'Contiguous');
    case 'CharDelimiterSplit':
      return split({ String: json['delimiter'] as string }, 'Removed');
    case 'Split':
      return json['invert'] === true
        ? invertedSplit(json)
        : split(json['pattern'] as Pattern, json['behavior'] as Behavior);
    default:
      return json;
  }
}

/** With `invert` the library keeps only the matches, which is right for the behavior Removed alone. */
function invertedSplit(json: StepJson): StepJson {
  const behavior = json['behavior'] as Behavior;
  if (behavior === 'Removed') return json;
  if (behavior === 'Isolated') return split(json['pattern'] as Pattern, behavior);
  throw new TypeError(`the pre-tokenizer Split with invert and the behavior ${behavior} is not known`);
}

/** The library treats each behavior except Removed as Isolated, and does not remove a pattern that is a string. */
function split(pattern: Pattern, behavior: Behavior): StepJson {
  const source = 'Regex' in pattern ? `(?:${pattern.Regex})` : pattern.String.replaceAll(/[^\p{L}\p{N}\s]/gu, '\\$&');
  const between = `(?:(?!${source})[\\s\\S])+`;
  const splitAt = (Regex: string): StepJson => ({ type: 'Split', pattern: { Regex }, behavior, invert: false });
  switch (behavior) {
    case 'Contiguous':
      return splitAt(`(?:${source})+`);
    case 'MergedWithPrevious':
      return splitAt(`${between}${source}|${source}`);
    case 'MergedWithNext':
      return splitAt(`${source}${between}|${source}`);
    case 'Isolated':
    case 'Removed':
      return splitAt(source);
    default:
      throw new TypeError(`the behavior ${String(behavior satisfies never)} of a pre-tokenizer is not known`);
  }
}
