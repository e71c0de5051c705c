/** The engine `batched` with the shipped model, and requests of every kind, for tests. */
import type { GenerateRequest, SamplingParameters, TextGenerator } from '@prosemill/core';
import { createTextGenerator, type TextGeneratorOptions } from '../index.ts';
import { createRandom } from '../sampling/random.ts';
import { testOptions } from '../test-options.ts';

export const shipped: TextGeneratorOptions = { ...testOptions, engine: 'batched', slots: 8, threads: 2 };
const never = new AbortController().signal;

export async function start(options: Partial<TextGeneratorOptions>): Promise<TextGenerator> {
  const generator = createTextGenerator({ ...shipped, ...options });
  await generator.start();
  return generator;
}

export interface Text {
  readonly text: string;
  readonly reason: string;
}

/** @param tokens  The text is canceled after this many tokens; undefined: it ends by itself. */
export async function run(generator: TextGenerator, request: GenerateRequest, tokens?: number): Promise<Text> {
  const controller = new AbortController();
  let text = '';
  for await (const event of generator.generate(request, tokens === undefined ? never : controller.signal)) {
    if (event.type === 'token-delta') {
      text += event.text;
      if (event.completionTokens >= (tokens ?? Number.POSITIVE_INFINITY)) controller.abort();
    }
    if (event.type === 'generation-end') return { text, reason: event.ending.reason };
  }
  throw new Error('no ending');
}

const words = 'the king and a little fox went over hill into dark wood where old witch had hidden gold of prince'.split(
  ' ',
);

export const plain = { maxLength: null, temperature: 1, topK: 50, topP: 1, repetitionPenalty: 1, stop: [] };

/**
 * Requests of every kind: short, long, and longer than a chunk; greedy and sampled; on every path of the sampling code.
 */
export function mixedRequests(count: number): GenerateRequest[] {
  const random = createRandom(11);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  return Array.from({ length: count }, () => {
    const parameters: SamplingParameters = {
      maxLength: null,
      maxNewTokens: 1 + Math.floor(random() * 90),
      temperature: pick([0, 0.7, 1, 1.3]),
      topK: pick([50, 50, 5, 0, 200]),
      topP: pick([1, 1, 0.9]),
      repetitionPenalty: pick([1, 1, 1.2]),
      stop: pick([[], [], [' the ']]),
    };
    const prompt = Array.from({ length: 1 + Math.floor(random() ** 4 * 300) }, () => pick(words)).join(' ');
    return { prompt, seed: Math.floor(random() * 2 ** 32), parameters };
  });
}
