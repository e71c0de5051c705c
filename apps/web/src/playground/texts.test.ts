import { describe, expect, it } from 'vitest';
import { nextPrompt } from './next-prompt.ts';
import { type Range, wrongNumber } from './request-fields.ts';
import { wholeSentencesLength } from './sentences.ts';
import { sharedBeginning } from './shared-beginning.ts';
import { Speedometer } from './speed.ts';

describe('the shared beginning of texts', () => {
  it.each([
    [[' there was a', ' there is'], ' there '.length],
    [['same', 'same'], 4],
    [['', 'x'], 0],
    [['only one'], 0],
    [['🦊🐻', '🦊🦁'], 2],
  ])('%j', (texts, length) => {
    expect(sharedBeginning(texts)).toBe(length);
  });
});

describe('going on from a text', () => {
  it('takes all of a short one', () => {
    expect(nextPrompt('Once upon a time', 500)).toEqual({ prompt: 'Once upon a time', isCut: false });
  });

  it('takes the end of a long one, from a word on', () => {
    expect(nextPrompt('alpha beta gamma', 8)).toEqual({ prompt: 'gamma', isCut: true });
    expect(nextPrompt('alpha beta gamma', 10)).toEqual({ prompt: 'beta gamma', isCut: true });
  });

  it('takes the end of a word that is too long', () => {
    expect(nextPrompt('aaaaaaaaaa', 4)).toEqual({ prompt: 'aaaa', isCut: true });
  });

  it('counts characters as the service does', () => {
    expect(nextPrompt('🦊🦊', 2).isCut).toBe(false);
  });
});

describe('the speed of a text', () => {
  it('is that of the last two seconds', () => {
    const speedometer = new Speedometer();
    expect(speedometer.note(1, 0)).toBeNull();
    expect(speedometer.note(11, 1_000)).toBe(10);
    expect(speedometer.note(21, 2_000)).toBe(10);
    expect(speedometer.note(221, 3_000)).toBe(105);
  });

  it('begins anew with the text', () => {
    const speedometer = new Speedometer();
    speedometer.note(100, 0);
    expect(speedometer.note(1, 1_000)).toBeNull();
  });
});

it('only whole sentences are read aloud', () => {
  expect(wholeSentencesLength('He said: "No." Then he')).toBe('He said: "No." '.length);
  expect(wholeSentencesLength('no end')).toBe(0);
});

describe('an input', () => {
  const ranges: Record<string, Range> = {
    temperature: { type: 'number', minimum: 0, maximum: 2 },
    top_k: { type: 'integer', minimum: 0, maximum: 1_000 },
    top_p: { type: 'number', exclusiveMinimum: 0, maximum: 1 },
  };
  it.each([
    ['temperature', '1', null],
    ['temperature', 'warm', 'must be a number'],
    ['temperature', '2.1', 'must be from 0 to 2'],
    ['top_k', '1.5', 'must be a whole number'],
    ['top_p', '0', 'must be above 0'],
    ['not known yet', '1000', null],
  ])('%s %s', (name, input, wrong) => {
    expect(wrongNumber(input, ranges[name])).toBe(wrong);
  });
});
