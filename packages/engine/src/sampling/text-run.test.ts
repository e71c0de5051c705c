import type { SamplingParameters } from '@prosemill/core';
import type { Tokenizer } from '@prosemill/tokenizer';
import { describe, expect, it } from 'vitest';
import { TextRun } from './text-run.ts';

/** A simple tokenizer with one id for each UTF-16 unit, because these tests are about ids. */
const letters: Tokenizer = {
  encode: (text) => Array.from({ length: text.length }, (_, index) => text.charCodeAt(index)),
  decode: (ids) => String.fromCharCode(...ids),
  kindOf: () => 'plain',
};
const endId = 0;

function start(parameters: Partial<SamplingParameters> = {}, contextLength = 100, prompt = 'Hi') {
  const told: [text: string, completionTokens: number][] = [];
  const textRun = new TextRun({
    request: {
      prompt,
      seed: 1,
      parameters: {
        maxLength: null,
        maxNewTokens: 10,
        temperature: 0,
        topK: 50,
        topP: 1,
        repetitionPenalty: 1,
        stop: [],
        ...parameters,
      },
    },
    tokenizer: letters,
    contextLength,
    endIds: new Set([endId]),
    onText: (text, completionTokens) => told.push([text, completionTokens]),
  });
  const append = (text: string): void => {
    for (const id of letters.encode(text)) textRun.append(id);
  };
  return { textRun, append, told };
}

describe('a running text', () => {
  it('emits each token when its text is final, and ends at its limit', () => {
    const { textRun, append, told } = start({ maxNewTokens: 3 });
    append('ab');
    expect(textRun.ending).toBeNull();
    append('c');
    expect(told).toEqual([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ]);
    expect(textRun.ending).toBe('length');
    expect(textRun.usage).toEqual({ promptTokens: 2, completionTokens: 3 });
  });

  it('ends at the end-of-text token, which counts as a token and has no text', () => {
    const { textRun, append, told } = start();
    append('a');
    textRun.append(endId);
    expect([textRun.ending, textRun.usage.completionTokens, told]).toEqual(['stop', 2, [['a', 1]]]);
  });

  it('emits text that was held back for a stop string that did not come', () => {
    const { textRun, append, told } = start({ stop: ['xyz'], maxNewTokens: 3 });
    append('axy');
    expect(textRun.ending).toBe('length');
    expect(told).toEqual([
      ['a', 1],
      ['xy', 3],
    ]);
  });

  it('ends with stop, not length, when the last token completes a stop string', () => {
    const { textRun, append } = start({ stop: ['bc'], maxNewTokens: 3 });
    append('abc');
    expect(textRun.ending).toBe('stop');
  });

  it('ends at once when it is canceled, and emits the text that was held back; an ended text stays as it is', () => {
    const { textRun, append, told } = start({ stop: ['xyz'] });
    append('ax');
    textRun.cancel();
    expect([textRun.ending, told.at(-1)]).toEqual(['canceled', ['x', 2]]);
    const ended = start({ maxNewTokens: 1 });
    ended.append('a');
    ended.textRun.cancel();
    expect(ended.textRun.ending).toBe('length');
  });

  it('penalises the tokens of the prompt and of the generated text', () => {
    const { textRun, append } = start({ repetitionPenalty: 2 });
    append('a');
    const logits = new Float32Array(128).fill(-9);
    for (const [letter, logit] of [
      ['H', 5],
      ['a', 4],
      ['z', 3],
    ] as const)
      logits[letter.charCodeAt(0)] = logit;
    expect(String.fromCharCode(textRun.choose(logits))).toBe('z');
  });

  it('refuses a prompt without tokens', () => {
    expect(() => start({}, 100, '')).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it('refuses a prompt that leaves no room for a new token', () => {
    expect(() => start({}, 11)).toThrow(expect.objectContaining({ code: 'context_length_exceeded' }));
  });
});
