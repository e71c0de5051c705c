import { describe, expect, it } from 'vitest';
import { parsePlace } from '../router.ts';
import { endedJob, testJob } from '../test-job.ts';
import { judge, readPromised, readRequest, repeatOf, requestHref } from './shared-request.ts';

describe('an address with a request', () => {
  const body = { prompt: 'The “old” king & queen', max_new_tokens: 20, temperature: 0.5, seed: 0, stop: ['\n', 'end'] };
  const promised = { sha256: 'abc', fingerprint: 'f1' };

  it('gives the same request', () => {
    expect(readRequest(parsePlace(requestHref(body, null)))).toEqual(body);
    expect(readPromised(parsePlace(requestHref(body, null)))).toBeNull();
  });

  it('may promise a text', () => {
    const place = parsePlace(requestHref(body, promised));
    expect(readRequest(place)).toEqual(body);
    expect(readPromised(place)).toEqual(promised);
  });

  it('without a prompt has none', () => {
    expect(readRequest(parsePlace('#/?jobs=1'))).toBeNull();
  });
});

describe('a promise', () => {
  const promised = { sha256: 'hash of  there was', fingerprint: 'f1' };

  it('waits for the end', () => {
    expect(judge(testJob(), promised)).toBeNull();
  });

  it('is kept by the same text', () => {
    expect(judge(endedJob(' there was'), promised)).toEqual({ isKept: true, text: 'Identical, letter for letter.' });
  });

  it.each([
    [endedJob(' there is'), /^Different, though the model is the same/],
    [endedJob(' there is', { status: 'canceled' }), /^Not compared: this text is canceled/],
  ])('is broken otherwise', (job, text) => {
    expect(judge(job, promised)).toMatchObject({ isKept: false, text: expect.stringMatching(text) as string });
  });

  it('of another model says so', () => {
    const judgement = judge(endedJob(' there is'), { ...promised, fingerprint: 'f2' });
    expect(judgement?.text).toBe('Different: another model, fingerprint f1 instead of f2.');
  });
});

it('the request that gives a text again has its seed and its length', () => {
  expect(repeatOf(testJob())).toMatchObject({ seed: 7, max_new_tokens: 48 });
  const job = endedJob(' there was');
  const byLength = { ...job, parameters: { ...job.parameters, max_new_tokens: null, max_length: 50 } };
  expect(repeatOf(byLength)).toMatchObject({ max_new_tokens: 46 });
});
