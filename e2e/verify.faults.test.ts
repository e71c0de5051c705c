/**
 * The promise behind `/verify`: a text depends on its prompt, its parameters, its seed and its model, and on nothing
 * that runs beside it. Both engines, and both number formats of the batched one; the shipped model has fp32 files only
 * for transformers.js.
 */
import type { JobBody } from '@prosemill/contract';
import { describe, expect, it } from 'vitest';
import { createRandom, type Random } from './faults/random.ts';
import { createClient, type Request } from './http-client.ts';
import { stopAtEnd } from './lifecycle.ts';
import { launchEmbedded } from './sizes.ts';

const jobs = 200;
const prompts = ['Once upon a time', 'The old king', 'A 🦊 went to sea', '日本の', 'the sea '.repeat(60), '"No," said'];

interface Verification {
  readonly match: boolean;
  readonly output_sha256: string;
  readonly job_id: string;
}

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

async function finish(request: Request, id: string): Promise<JobBody> {
  for (;;) {
    const { body } = await request<JobBody>(`/jobs/${id}?wait=60`);
    if (body.finished_at !== null) return body;
  }
}

/** @returns whether the text of the verification is that of the job */
async function verify(request: Request, job: JobBody): Promise<boolean> {
  const answer = await request<Verification | JobBody>(job.urls.verify, { method: 'POST' });
  if ('match' in answer.body) return answer.body.match;
  expect(answer.status).toBe(202);
  return (await finish(request, answer.body.id)).output?.sha256 === job.output?.sha256;
}

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
    const request = await createClient(service.url);
    const submits = Array.from({ length: jobs }, async () => {
      const { body } = await request<JobBody>('/jobs', { json: draw(random, longest) });
      return await finish(request, body.id);
    });
    const ended = await Promise.all(submits);
    for (const { status, model } of ended)
      expect([status, model?.engine, model?.dtype]).toEqual(['succeeded', engine, dtype]);
    // In another order, so that each text has other neighbours than before.
    const matches = await Promise.all(shuffled(ended, random).map(async (job) => await verify(request, job)));
    expect(matches.filter((match) => !match)).toEqual([]);
    expect(matches).toHaveLength(jobs);
    expect((await request<unknown[]>('/history?limit=1000')).body).toHaveLength(jobs);
  }, 600_000);
});
