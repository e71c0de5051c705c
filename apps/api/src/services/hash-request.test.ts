import { generationRequestSchema, toJobTerms, toTextRequest } from '@prosemill/contract';
import { defaultSamplingParameters, defaultTerms } from '@prosemill/core';
import { describe, expect, it } from 'vitest';
import { hashRequest, hashValues } from './hash-request.ts';

function hashOf(body: object): string {
  const request = generationRequestSchema.parse(body);
  return hashRequest({ request: toTextRequest(request), terms: toJobTerms(request) });
}

describe('the hash of a request', () => {
  it('is the same for every spelling of the request', () => {
    const hash = hashOf({ prompt: 'a', top_k: 5 });
    expect(hash).toMatch(/^[\da-f]{64}$/);
    expect(hashOf({ top_k: 5, prompt: 'a' })).toBe(hash);
    expect(hashOf({ prompt: 'a', top_k: 5, temperature: 1, stop: [], seed: undefined })).toBe(hash);
    expect(hashOf({ prompt: 'a', top_k: 5, temperature: null, stop: null, seed: null, max_length: null })).toBe(hash);
    expect(hashOf({ prompt: 'a', stop: 'x' })).toBe(hashOf({ prompt: 'a', stop: ['x'] }));
  });

  it.each([
    { prompt: 'b' },
    { temperature: 0.5 },
    { seed: 1 },
    { stop: ['x'] },
    { max_length: 50 },
    { metadata: { a: 'b' } },
    { priority: 'low' },
    { deadline_ms: 1 },
    { start_timeout_ms: 1 },
  ])('changes with %o', (change) => {
    expect(hashOf({ prompt: 'a', ...change })).not.toBe(hashOf({ prompt: 'a' }));
  });

  it('leaves out empty metadata, and does not depend on the order of its pairs', () => {
    expect(hashOf({ prompt: 'a', metadata: {} })).toBe(hashOf({ prompt: 'a' }));
    expect(hashOf({ prompt: 'a', metadata: { a: '1', b: '2' } })).toBe(
      hashOf({ prompt: 'a', metadata: { b: '2', a: '1' } }),
    );
  });

  it('tells a job from a repetition of it, and not from a stream of it', () => {
    const request = { prompt: 'a', parameters: defaultSamplingParameters, seed: null };
    const hashWith = (terms: object): string => hashRequest({ request, terms: { ...defaultTerms, ...terms } });
    expect(hashWith({ isWatched: true })).toBe(hashWith({}));
    expect(hashWith({ retryOf: 'x' })).not.toBe(hashWith({}));
    expect(hashWith({ verifyOf: 'x' })).not.toBe(hashWith({ retryOf: 'x' }));
  });

  it('depends on the order of stop strings', () => {
    expect(hashOf({ prompt: 'a', stop: ['x', 'y'] })).not.toBe(hashOf({ prompt: 'a', stop: ['y', 'x'] }));
  });

  /** As the first version wrote them into databases. */
  const prompt = 'Once upon a time';
  it.each([
    [{ prompt }, 'f5bf4b95beb3679426b2622e3ef688587d78d9c1431a58294d5731fbd545b2e1'],
    [{ prompt, max_length: 60 }, 'c4c66eb1463ad56c8ee55419f3399743a0998669c5c840400fb4f38df636d286'],
    [{ prompt, max_new_tokens: 5, seed: 0 }, '9c03372cf3ad816ecb341c485e5605c1e39e8672ed119ee5d4fbdd56489c0c7a'],
    [
      { prompt, temperature: 0.7, top_k: 0, top_p: 0.9, repetition_penalty: 1.2, stop: ['\n', '.'], seed: 7 },
      'd075c854ed34169ab7cfddf71ce4368794e3a63c6073877f983c0db1b0802bf4',
    ],
    [
      { prompt: 'Es war einmal „ein König“ 👑', temperature: 0 },
      '281666fd47d14ef42b2105b0197f61d774f25968cac099e211c16f356c5c27fe',
    ],
  ])('of %o is the same in every version', (body, hash) => {
    expect(hashOf(body)).toBe(hash);
  });

  it('includes a newer name only with a value that is not its default', () => {
    const older = hashOf({ prompt: 'a' });
    const defaults = { ...defaultSamplingParameters, priority: 'normal', metadata: { labels: [] } };
    const newer = (values: object) => hashValues({ prompt: 'a', ...defaults, ...values }, defaults);
    expect(newer({})).toBe(older);
    expect(newer({ priority: null, metadata: { labels: [] } })).toBe(older);
    expect(newer({ priority: 'low' })).not.toBe(older);
    expect(newer({ metadata: { labels: ['x'] } })).not.toBe(older);
  });
});
