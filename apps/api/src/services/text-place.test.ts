import { presentPosition, type StreamPosition, streamPosition, streamStart } from '@prosemill/contract';
import { countCodePoints } from '@prosemill/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JobText, TextPlace } from './text-place.ts';

const textOf = (text: string): JobText => ({ text, length: countCodePoints(text), tokens: 1 });

/** Takes all steps that are there. */
function drain(place: TextPlace, source: JobText, isWhole = true): readonly string[] {
  const steps: string[] = [];
  for (let step = place.advance(source, isWhole); step !== null; step = place.advance(source, isWhole)) {
    steps.push(step.type === 'reset' ? 'reset' : step.text);
  }
  return steps;
}

/** The position of a client that has this text, as its last id says it. */
function after(text: string): StreamPosition {
  const place = new TextPlace(streamStart);
  drain(place, textOf(text));
  return streamPosition.parse(presentPosition({ version: 3 }, place.position)) ?? streamStart;
}

describe('the place of a reader in a text', () => {
  const mixed = 'aé日🦊e\u0301👩‍👩‍👧\u202e\u0000z';

  it('continues from every code point, whatever the language', () => {
    const all = Array.from(mixed);
    for (let offset = 0; offset <= all.length; offset += 1) {
      const rest = all.slice(offset).join('');
      const place = new TextPlace(after(all.slice(0, offset).join('')));
      expect(drain(place, textOf(mixed))).toEqual(rest === '' ? [] : [rest]);
      expect(place.position).toEqual(after(mixed));
    }
  });

  it('trusts an offset without a checksum, and proves itself from then on', () => {
    const place = new TextPlace({ offset: 4, checksum: null });
    expect(drain(place, textOf(mixed))).toEqual([Array.from(mixed).slice(4).join('')]);
    expect(place.position).toEqual(after(mixed));
    expect(drain(new TextPlace({ offset: 99, checksum: null }), textOf('ab'))).toEqual(['reset', 'ab']);
  });

  it('begins anew where the text differs, at its end where it is shorter, and where there is none', () => {
    expect(drain(new TextPlace(after('ab')), textOf('acd'), false)).toEqual(['reset', 'acd']);
    expect(drain(new TextPlace(after('abc')), textOf('ab'))).toEqual(['reset', 'ab']);
    expect(drain(new TextPlace(after('abc')), textOf(''))).toEqual(['reset']);
  });

  it('waits while another attempt has written less than the reader has', () => {
    const place = new TextPlace(after('abcd'));
    expect(drain(place, textOf(''), false)).toEqual([]);
    expect(drain(place, textOf('xyz'), false)).toEqual([]);
    expect(drain(place, textOf('abcde'), false)).toEqual(['e']);
  });

  it('follows a text that grows', () => {
    const place = new TextPlace(streamStart);
    const growing = { text: '', length: 0, tokens: 0 };
    for (const part of ['', 'a', '🦊🦊', 'b']) {
      growing.text += part;
      growing.length += countCodePoints(part);
      expect(drain(place, growing, false)).toEqual(part === '' ? [] : [part]);
    }
    expect(drain(place, textOf('a🦊🦊b!'))).toEqual(['!']);
  });

  it('leads any client to exactly the text of the job, however often it is cut and the job runs again', () => {
    const unit = fc.constantFrom('a', 'b', ' ', 'é', '日', '🦊', 'e\u0301', '👩‍👧', '\ufeff');
    const text = fc.string({ unit, maxLength: 12 });
    const attempt = fc.record({ text, grows: fc.array(fc.nat(4), { maxLength: 6 }), cuts: fc.array(fc.boolean()) });
    fc.assert(
      fc.property(fc.array(attempt, { minLength: 1, maxLength: 4 }), fc.boolean(), (attempts, isSame) => {
        const same = attempts[0]?.text ?? '';
        let client = '';
        let resets = 0;
        let place = new TextPlace(streamStart);
        const read = (source: JobText, isWhole: boolean, isCut: boolean): void => {
          for (const step of drain(place, source, isWhole)) {
            if (step === 'reset') resets += 1;
            client = step === 'reset' ? '' : client + step;
          }
          const id = presentPosition({ version: 1 }, place.position);
          if (isCut) place = new TextPlace(streamPosition.parse(id) ?? streamStart);
          expect(place.position).toEqual(after(client));
        };
        for (const { text: own, grows, cuts } of attempts) {
          const characters = Array.from(isSame ? same : own);
          const growing = { text: '', length: 0, tokens: 0 };
          for (const [index, size] of grows.entries()) {
            const part = characters.splice(0, size).join('');
            growing.text += part;
            growing.length += countCodePoints(part);
            read(growing, false, cuts[index] ?? false);
          }
        }
        const whole = isSame ? same : (attempts.at(-1)?.text ?? '');
        read(textOf(whole), true, false);
        expect(client).toBe(whole);
        if (isSame) expect(resets).toBe(0);
      }),
      { numRuns: 1_000 },
    );
  });
});
