import { generationRequestSchema } from '@prosemill/contract';
import { describe, expect, it } from 'vitest';
import { hashRequest } from './hash-request.ts';

const hashOf = (body: object): string => hashRequest(generationRequestSchema.parse(body));

describe('the hash of a request', () => {
  it('is the same however the request is written', () => {
    const hash = hashOf({ prompt: 'a', top_k: 5 });
    expect(hash).toMatch(/^[\da-f]{64}$/);
    expect(hashOf({ top_k: 5, prompt: 'a' })).toBe(hash);
    expect(hashOf({ prompt: 'a', top_k: 5, temperature: 1, stop: [], seed: undefined })).toBe(hash);
  });

  it.each([{ prompt: 'b' }, { temperature: 0.5 }, { seed: 1 }, { stop: ['x'] }, { max_length: 50 }])(
    'is another with %o',
    (change) => {
      expect(hashOf({ prompt: 'a', ...change })).not.toBe(hashOf({ prompt: 'a' }));
    },
  );

  it('knows the order of stop strings', () => {
    expect(hashOf({ prompt: 'a', stop: ['x', 'y'] })).not.toBe(hashOf({ prompt: 'a', stop: ['y', 'x'] }));
  });
});
