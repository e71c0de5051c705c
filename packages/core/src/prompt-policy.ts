/**
 * The word filter: refuses prompts that contain a forbidden word as a whole word, after normalisation. A word list is
 * a speed bump, not safety: it knows no meaning, and a determined author gets past it.
 */
import { lookAlikes, stroke } from './look-alikes.ts';

/** True when the prompt contains a forbidden word. */
export type PromptPolicy = (prompt: string) => boolean;

export const defaultForbiddenWords: readonly string[] = ['hate', 'violence'];

/** Forms that count as the word. Words that are not in this table match as they are, and with an s. */
const knownForms: ReadonlyMap<string, readonly string[]> = new Map([
  ['hate', ['hate', 'hates', 'hated', 'hating', 'hater', 'haters', 'hateful', 'hatefully', 'hatred']],
  ['violence', ['violence', 'violences', 'violent', 'violently']],
]);

/** English words of one letter: in "I h a t e" the first letter is a word of its own. */
const oneLetterWords = /^[aiou]/;
const oneLetterWordsAtEnd = /[aiou]$/;

/** Three or more single letters with one to three characters between them that are neither letters nor digits. */
const spacedOut = /(?<![\p{L}\p{N}])\p{L}(?:[^\p{L}\p{N}]{1,3}\p{L}){2,}(?![\p{L}\p{N}])/gu;

/** A word is a run of letters and digits: "hate2" is not "hate". An apostrophe ends a word, as in "hate's". */
const word = /[\p{L}\p{N}]+/gu;

/**
 * Matches whole words, not parts of words (*whatever*, *chateau*). Case, width, invisible characters, accents,
 * look-alikes of other scripts and spaced-out letters hide no word; digits and symbols do not stand for letters.
 * @param forbiddenWords  Words to refuse; normalised like prompts.
 */
export function createPromptPolicy(forbiddenWords: readonly string[]): PromptPolicy {
  const forms = new Set(
    forbiddenWords
      .flatMap((forbidden) => [plain(forbidden), latin(forbidden)])
      .filter((form) => form !== '')
      .flatMap((form) => knownForms.get(form) ?? [form, `${form}s`]),
  );
  const isForbiddenRun = (letters: string): boolean =>
    [...forms].some((form) => isRead(letters.slice(0, form.length), form) || isRead(letters.slice(-form.length), form));

  function hasForbiddenWord(normalised: string): boolean {
    for (const [token] of normalised.matchAll(word)) {
      if (forms.has(token) || (token.includes(stroke) && [...forms].some((form) => isRead(token, form)))) return true;
    }
    for (const [run] of normalised.matchAll(spacedOut)) {
      const letters = run.replaceAll(/[^\p{L}]/gu, '');
      const candidates = [letters, letters.replace(oneLetterWords, ''), letters.replace(oneLetterWordsAtEnd, '')];
      if (candidates.some(isForbiddenRun)) return true;
    }
    return false;
  }

  // Look-alikes depend on the case, so a configured word of another script is compared without them too.
  return function isRefused(prompt) {
    if (ascii.test(prompt)) return hasForbiddenWord(prompt.toLowerCase());
    return hasForbiddenWord(latin(prompt)) || hasForbiddenWord(plain(prompt));
  };
}

/** True for the same letters; a stroke reads as an i and as an l. */
const isRead = (letters: string, form: string): boolean =>
  letters === form ||
  (letters.length === form.length &&
    letters
      .split('')
      .every((unit, index) => unit === form[index] || (unit === stroke && /[il]/.test(form[index] ?? ''))));

/** Format characters (zero-width, soft hyphen, bidi, tags), variation selectors, fillers, and combining marks. */
const invisible = /[\p{Cf}\p{M}\u115F\u1160\u3164\uFFA0\u2800]/gu;

/** Texts that normalisation leaves as they are, but for the case. */
const ascii = /^\p{ASCII}*$/u;

const withoutMarks = (text: string): string => text.normalize('NFKD').replaceAll(invisible, '');

/** Lower case, one width, no accents, no invisible characters. */
const plain = (text: string): string => withoutMarks(withoutMarks(text).toLowerCase());

const fold = (text: string): string => Array.from(text, (letter) => lookAlikes.get(letter) ?? letter).join('');

/** Plain text with Latin letters for look-alikes. Folds twice: decomposition turns some into others (ϲ into ς). */
const latin = (text: string): string => plain(fold(withoutMarks(fold(text))));
