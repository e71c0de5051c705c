/**
 * The promise behind `/verify`: a text depends on its prompt, its parameters, its seed and its model, and on nothing
 * that runs beside it. Both engines, and both number formats of the batched one; the shipped model has fp32 files only
 * for transformers.js.
 */
import { createClient } from '@prosemill/client';
import { describe, expect, it } from 'vitest';
import { createRandom, type Random } from './faults/random.ts';
import { stopAtEnd } from './lifecycle.ts';
import { launchEmbedded } from './sizes.ts';

const jobs = 200;
const prompts = ['Once upon a time', 'The old king', 'A 🦊 went to sea', '日本の', 'the sea '.repeat(60), '"No," said'];

/** Greedy and sampled, short and long, with and without a stop string, with and without a seed of the client. */
const draw = (random: Random, longest: number) => ({
  prompt: random.pick(prompts),
  max_new_tokens: Math.ceil(random.between([0, random.next() < 0.1 ? longest : longest / 4])),
  temperature: random.pick([0, 0.7, 1, 1.5]),
  top_k: random.pick([0, 5, 50]),
  top_p: random.pick([0.5, 0.95, 1]),
  repetition_penalty: random.pick([1, 1.2]),
  stop: random.pick([null, '.', ['the', '\n']]),
  seed: random.pick([null, Math.floor(random.next() * 2 ** 32)]),
});

const shuffled = <Item>(items: readonly Item[], random: Random): readonly Item[] =>
  items
    .map((item) => ({ item, place: random.next() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ item }) => item);

describe.each([
  { engine: 'batched', dtype: 'fp32', longest: 160 },
  { engine: 'batched', dtype: 'int8', longest: 160 },
  { engine: 'transformers', dtype: 'fp32', longest: 40 },
])('with the engine $engine and $dtype', ({ engine, dtype, longest }) => {
  it(`/verify finds the same text for each of ${jobs} jobs of a mixed load`, async () => {
    const random = createRandom(7);
    const service = stopAtEnd(await launchEmbedded({ ENGINE: engine, MODEL_DTYPE: dtype, WORKERS: '' }));
    const client = createClient({ url: service.url });
    const submits = Array.from({ length: jobs }, async () => {
      const { id } = await client.submit(draw(random, longest));
      return await client.wait(id);
    });
    const ended = await Promise.all(submits);
    for (const { status, model } of ended)
      expect([status, model?.engine, model?.dtype]).toEqual(['succeeded', engine, dtype]);
    // In another order, so that each text has other neighbours than before.
    const verified = await Promise.all(shuffled(ended, random).map(async ({ id }) => await client.verify(id)));
    expect(verified.filter(({ match }) => !match)).toEqual([]);
    expect(verified).toHaveLength(jobs);
    expect(await Array.fromAsync(client.history())).toHaveLength(jobs);
  }, 600_000);
});
