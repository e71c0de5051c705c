/** Conformance suite for the port `TextGenerator`, on a small model with known tokens. */
import {
  type GenerateRequest,
  type GenerationEnding,
  type SamplingParameters,
  type TextGenerator,
  type TokenEvent,
} from '@prosemill/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** The golden.json of a model: greedy tokens in fp32, past the end of the text. */
export interface GoldenTokens {
  readonly eos_token_id: number;
  readonly n_positions: number;
  readonly cases: readonly {
    readonly prompt: string;
    readonly input_ids: readonly number[];
    readonly greedy_ids: readonly number[];
  }[];
}

export interface TextGeneratorSetup {
  /** A started generator of the model that made the golden tokens. */
  readonly generator: TextGenerator;
  readonly golden: GoldenTokens;
  /** Decodes without special tokens. */
  readonly decode: (ids: readonly number[]) => string;
}

interface Result {
  readonly events: readonly TokenEvent[];
  readonly text: string;
  readonly ending: GenerationEnding;
}

const defaults: SamplingParameters = {
  maxLength: null,
  maxNewTokens: 24,
  temperature: 1,
  topK: 50,
  topP: 1,
  repetitionPenalty: 1,
  stop: [],
};
const greedy = { temperature: 0 } as const;
const never = new AbortController().signal;

const requestOf = (prompt: string, parameters: Partial<SamplingParameters> = {}, seed = 1): GenerateRequest => ({
  prompt,
  seed,
  parameters: { ...defaults, ...parameters },
});

function countRepeatedWords({ text }: Result): number {
  const words = text.split(/\s+/);
  return words.length - new Set(words).size;
}

async function collect(events: AsyncIterable<TokenEvent>): Promise<Result> {
  const all: TokenEvent[] = [];
  for await (const event of events) all.push(event);
  const last = all.at(-1);
  if (last?.type !== 'generation-end') throw new Error(`A generation ended with ${last?.type}`);
  const text = all.map((event) => (event.type === 'token-delta' ? event.text : '')).join('');
  return { events: all, text, ending: last.ending };
}

export function describeTextGeneratorConformance(name: string, setup: () => Promise<TextGeneratorSetup>): void {
  describe(`${name} as a TextGenerator`, () => {
    let generator: TextGenerator;
    let golden: GoldenTokens;
    let decode: TextGeneratorSetup['decode'];
    const run = async (...args: Parameters<typeof requestOf>): Promise<Result> =>
      await collect(generator.generate(requestOf(...args), never));

    beforeAll(async () => {
      ({ generator, golden, decode } = await setup());
    });
    afterAll(async () => {
      await generator.stop();
    });

    it('is ready and names its model', () => {
      expect(generator.state).toEqual({ type: 'ready' });
      expect(generator.model?.identity.fingerprint).toMatch(/^[0-9a-f]{16}$/);
      expect(generator.model?.record.contextLength).toBe(golden.n_positions);
    });

    it('generates the golden tokens greedily', async () => {
      expect(golden.cases.length).toBeGreaterThan(0);
      for (const { prompt, input_ids, greedy_ids } of golden.cases) {
        const end = greedy_ids.indexOf(golden.eos_token_id);
        const expected = end === -1 ? greedy_ids : greedy_ids.slice(0, end + 1);
        const { text, ending } = await run(prompt, { ...greedy, maxNewTokens: greedy_ids.length });
        expect([prompt, text]).toEqual([prompt, decode(expected)]);
        expect(ending).toEqual({
          reason: end === -1 ? 'length' : 'stop',
          usage: { promptTokens: input_ids.length, completionTokens: expected.length },
        });
      }
    });

    it('takes a job as a request, whatever other values it has', async () => {
      const request = { ...requestOf('Once upon a time'), notCopied: () => undefined };
      const { text } = await collect(generator.generate(request, never));
      expect(text).toBe((await run('Once upon a time')).text);
    });

    it('streams a start, deltas with a rising count, and an end', async () => {
      const { events, ending } = await run('Once upon a time');
      expect(events[0]).toEqual({ type: 'generation-start', promptTokens: 4, maxNewTokens: 24 });
      const deltas = events.slice(1, -1);
      expect(deltas.length).toBeGreaterThan(1);
      let count = 0;
      for (const delta of deltas) {
        if (delta.type !== 'token-delta') throw new Error(`${delta.type} between the deltas`);
        expect(delta.completionTokens).toBeGreaterThan(count);
        expect(delta.text).not.toBe('');
        count = delta.completionTokens;
      }
      expect(ending).toEqual({ reason: 'length', usage: { promptTokens: 4, completionTokens: 24 } });
    });

    it('gives the same text for the same seed, whatever ran before, and another text for another seed', async () => {
      const first = await run('The king', {}, 42);
      await run('Something else entirely', {}, 7);
      const again = await run('The king', {}, 42);
      const other = await run('The king', {}, 43);
      expect(again.text).toBe(first.text);
      expect(other.text).not.toBe(first.text);
    });

    it('takes the likeliest token at top_k 1 and at a tiny top_p', async () => {
      const { text } = await run('The king', greedy);
      expect((await run('The king', { topK: 1 })).text).toBe(text);
      expect((await run('The king', { topK: 0, topP: 1e-6 })).text).toBe(text);
    });

    it('heeds temperature, top_k and top_p', async () => {
      const texts = await Promise.all([
        run('The king', { temperature: 0.2 }),
        run('The king', { temperature: 1.5, topK: 0 }),
        run('The king', { topK: 3 }),
        run('The king', { topK: 0, topP: 0.5 }),
      ]);
      expect(new Set(texts.map(({ text }) => text)).size).toBeGreaterThanOrEqual(3);
    });

    it('heeds the repetition penalty', async () => {
      const plain = await run('and the king and the queen and the king', { ...greedy, maxNewTokens: 60 });
      const penalized = await run('and the king and the queen and the king', {
        ...greedy,
        maxNewTokens: 60,
        repetitionPenalty: 2,
      });
      expect(countRepeatedWords(penalized)).toBeLessThan(countRepeatedWords(plain));
    });

    it('ends before a stop string, even one that spans tokens', async () => {
      const { text } = await run('Once upon a time', { ...greedy, maxNewTokens: 40 });
      // A string from the middle of one word to the middle of the next, which no single token covers.
      const from = text.search(/\w\w \w\w/) + 1;
      const stop = text.slice(from, from + 3);
      const stopped = await run('Once upon a time', { ...greedy, maxNewTokens: 40, stop: ['never there', stop] });
      expect(stopped.text).toBe(text.slice(0, text.indexOf(stop)));
      expect(stopped.ending.reason).toBe('stop');
    });

    it('gives no text when it begins with a stop string', async () => {
      const { text } = await run('Once upon a time', greedy);
      const { events, ending } = await run('Once upon a time', { ...greedy, stop: [text.slice(0, 2)] });
      expect(events.map(({ type }) => type)).toEqual(['generation-start', 'generation-end']);
      expect(ending).toMatchObject({ reason: 'stop', usage: { promptTokens: 4 } });
    });

    it.each([
      [{ maxNewTokens: 1, maxLength: null }, 1],
      [{ maxNewTokens: 7, maxLength: 10 }, 7],
      [{ maxNewTokens: null, maxLength: 30 }, 26],
      [{ maxNewTokens: null, maxLength: null }, 46],
    ])('makes of %o %i new tokens after 4', async (parameters, expected) => {
      const { ending } = await run('Once upon a time', { ...greedy, ...parameters });
      expect(ending).toEqual({ reason: 'length', usage: { promptTokens: 4, completionTokens: expected } });
    });

    it('uses the context to its last position', async () => {
      const limit = golden.n_positions - 4;
      const { ending } = await run('Once upon a time', { topK: 0, temperature: 1.2, maxNewTokens: limit });
      // A sampled text may end earlier by itself.
      expect(ending.reason).toBeOneOf(['length', 'stop']);
      expect(ending.reason !== 'length' || ending.usage.completionTokens === limit).toBe(true);
    });

    it('ends with an error, and nothing else, when the context is too short', async () => {
      const { events, ending } = await run('Once upon a time', { maxNewTokens: golden.n_positions });
      expect(events).toHaveLength(1);
      expect(ending).toMatchObject({ reason: 'error', error: { code: 'context_length_exceeded' } });
    });

    it('streams whole characters', async () => {
      const { events } = await run('👩‍👩‍👧‍👦 naïve 日本語', { temperature: 1.5, topK: 0, maxNewTokens: 60 }, 3);
      const parts = events.map((event) => (event.type === 'token-delta' ? event.text : ''));
      expect(parts.map((part) => part.toWellFormed())).toEqual(parts);
    });

    it('ends after an abort, and keeps the text so far', async () => {
      const controller = new AbortController();
      const limit = golden.n_positions - 4;
      const parameters = { topK: 0, maxNewTokens: limit };
      let text = '';
      let ending: GenerationEnding | null = null;
      for await (const event of generator.generate(requestOf('Once upon a time', parameters), controller.signal)) {
        if (event.type === 'generation-end') ending = event.ending;
        if (event.type !== 'token-delta') continue;
        text += event.text;
        if (event.completionTokens >= 3) controller.abort();
      }
      expect(ending).toMatchObject({ reason: 'canceled', usage: { promptTokens: 4 } });
      if (ending?.reason !== 'canceled') return;
      expect(ending.usage.completionTokens).toBeLessThan(limit);
      expect(text).not.toBe('');
    });

    it('does not start a request that was aborted before', async () => {
      const { events, ending } = await collect(generator.generate(requestOf('The king'), AbortSignal.abort()));
      expect(events).toHaveLength(1);
      expect(ending).toEqual({ reason: 'canceled', usage: { promptTokens: 0, completionTokens: 0 } });
    });

    it('ends a waiting request at once after an abort', async () => {
      const first = new AbortController();
      const parameters = { topK: 0, maxNewTokens: golden.n_positions - 4 };
      const running = Array.from({ length: generator.slots }, () =>
        collect(generator.generate(requestOf('Once upon a time', parameters), first.signal)),
      );
      const second = new AbortController();
      const waiting = collect(generator.generate(requestOf('The king'), second.signal));
      second.abort();
      expect((await waiting).ending.reason).toBe('canceled');
      first.abort();
      await Promise.all(running);
    });

    it('finishes more requests than it has slots, each with its own text', async () => {
      const seeds = Array.from({ length: generator.slots + 4 }, (_, index) => index);
      const alone = await run('The king', {}, 2);
      const together = await Promise.all(seeds.map((seed) => run('The king', {}, seed)));
      expect(together[2]?.text).toBe(alone.text);
      expect(new Set(together.map(({ text }) => text)).size).toBe(seeds.length);
    });

    it('goes on when a reader leaves early', async () => {
      for await (const event of generator.generate(requestOf('Once upon a time', { maxNewTokens: 300 }), never)) {
        if (event.type === 'token-delta') break;
      }
      expect((await run('The king', greedy)).ending.reason).toBe('length');
    });
  });
}
