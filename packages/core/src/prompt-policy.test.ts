import { describe, expect, it } from 'vitest';
import { createPromptPolicy, defaultForbiddenWords } from './prompt-policy.ts';

const isRefused = createPromptPolicy(defaultForbiddenWords);

describe('prompt policy', () => {
  it.each([
    'I hate this',
    'HATE',
    'they were hating, and hated',
    "the hater's hateful, hatefully hatred",
    'haters hates',
    'No violence! violences',
    'violent and violently',
    'love-hate relationship',
    'hate',
  ])('refuses a forbidden word and its forms: %s', (prompt) => {
    expect(isRefused(prompt)).toBe(true);
  });

  it.each([
    ['spaced out', 'H A T E'],
    ['spaced out after a word of one letter', 'I h a t e y o u'],
    ['spaced out before other letters', 'you h a t e, o k'],
    ['dotted', 'h.a.t.e'],
    ['on lines of their own', 'v\ni\no\nl\ne\nn\nc\ne'],
    ['Cyrillic а', 'h\u0430te'],
    ['Cyrillic capitals', '\u041D\u0410\u0422\u0415'],
    ['one stroke for i and l', 'v\u04CFo\u04CFence, \u0406 am'],
    ['one stroke for l, spaced out', 'v i o \u04C0 e n t'],
    ['a lunate sigma', 'violen\u03F2e'],
    ['Greek capitals', '\u0397\u0391\u03A4\u0395'],
    ['full width', '\uFF48\uFF41\uFF54\uFF45'],
    ['mathematical bold', '\u{1D421}\u{1D41A}\u{1D42D}\u{1D41E}'],
    ['circled', '\u24D7\u24D0\u24E3\u24D4'],
    ['negative squared', '\u{1F177}\u{1F170}\u{1F183}\u{1F174}'],
    ['regional indicators', '\u{1F1ED}\u{1F1E6}\u{1F1F9}\u{1F1EA}'],
    ['accents', 'h\u00E1t\u00EB'],
    ['stacked combining marks', 'h\u0336a\u0336\u0301t\u0336e\u0336'],
    ['soft hyphens', 'ha\u00ADte'],
    ['zero-width joiners and spaces', 'h\u200Ba\u200Dt\u2060e'],
    ['right-to-left mark', 'hat\u200Fe'],
    ['small capitals', '\u029C\u1D00\u1D1B\u1D07'],
    ['in an emoji sentence', '😀 hate 😀'],
  ])('sees through a disguise: %s', (_name, prompt) => {
    expect(isRefused(prompt)).toBe(true);
  });

  it.each([
    'whatever you say',
    'a chateau in France, a château',
    'hatchet, hatch, phated, Hathaway',
    'nonviolence is a whole word of its own',
    'w h a t e v e r',
    'c h a t e a u',
    'h4te and h@te are not letters',
    'hat e is a hat',
    'a b c d e f g',
    'U.S.A. e.g. i.e.',
    'Я читаю книгу',
    'Τι κάνεις;',
    '',
    '😀😀😀',
  ])('lets ordinary text pass: %s', (prompt) => {
    expect(isRefused(prompt)).toBe(false);
  });

  it('matches configured words as they are and with an s', () => {
    const refuses = createPromptPolicy(['Turnip', '']);
    expect(['turnip', 'TURNIPS', 't u r n i p'].map(refuses)).toEqual([true, true, true]);
    expect(['turniped', 'hate', ''].map(refuses)).toEqual([false, false, false]);
  });

  it('matches configured words of other scripts', () => {
    expect(createPromptPolicy(['ненависть'])('Это НЕНАВИСТЬ.')).toBe(true);
    expect(createPromptPolicy(['constructor'])('a constructor')).toBe(true);
  });

  it('refuses nothing without words', () => {
    expect(createPromptPolicy([])('hate')).toBe(false);
  });
});
