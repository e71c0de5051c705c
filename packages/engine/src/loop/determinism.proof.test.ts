/** The text of a request depends on nothing that runs beside it. */
import type { GenerateRequest, TextGenerator } from '@prosemill/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mixedRequests, plain, run, start, type Text } from './test-batched.ts';

const equalRequests = (count: number): GenerateRequest[] =>
  Array.from({ length: count }, (_, seed) => ({
    prompt: 'The king',
    seed,
    parameters: { ...plain, maxNewTokens: 90 },
  }));

describe.each(['fp32', 'int8'] as const)('a text in %s', (dtype) => {
  let alone: TextGenerator;
  let together: TextGenerator;

  beforeAll(async () => {
    alone = await start({ dtype, slots: 1 });
    together = await start({ dtype, slots: 32 });
  });
  afterAll(async () => {
    await alone.stop();
    await together.stop();
  });

  it('is the same alone and in a batch in which others start, end and are canceled', async () => {
    // Requests of equal length begin and end together.
    const requests = [...mixedRequests(60), ...equalRequests(24)];
    const expected: Text[] = [];
    for (const request of requests) expected.push(await run(alone, request));
    const disturbers = mixedRequests(60).map((request, index) =>
      run(together, { ...request, seed: index }, 1 + (index % 7)),
    );
    const actual = await Promise.all(requests.map((request) => run(together, request)));
    await Promise.all(disturbers);
    expect(actual).toEqual(expected);
  });
});
