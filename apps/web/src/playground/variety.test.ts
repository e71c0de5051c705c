import { describe, expect, it } from 'vitest';
import { requestsOf, sweep } from './variety.ts';

const body = { prompt: 'Once upon a time', temperature: 0.7 };
const newSeed = (): number => 5;

describe('texts that are written together', () => {
  it('have seeds of their own, the last of which is followed by 0', () => {
    const requests = requestsOf({ ...body, seed: 4_294_967_294 }, '3', newSeed);
    expect(requests.map(({ seed }) => seed)).toEqual([4_294_967_294, 4_294_967_295, 0]);
  });

  it('leave their seeds to the service, if the reader gives none', () => {
    expect(requestsOf(body, '2', newSeed)).toEqual([body, body]);
  });

  it.each([
    ['the seed of the request', 7, 7],
    ['a new seed', null, 5],
  ])('differ in the temperature only in a sweep, with %s', (_name, seed, used) => {
    const requests = requestsOf({ ...body, seed }, sweep, newSeed);
    expect(requests.map(({ temperature }) => temperature)).toEqual([0, 0.5, 1, 1.5]);
    for (const request of requests) expect(request).toMatchObject({ prompt: body.prompt, seed: used });
  });
});
