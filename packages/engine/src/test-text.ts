/** Starts a model and writes one text with it, for tests of model folders. */
import type { GenerationEnding, LoadedModel } from '@prosemill/core';
import { createTextGenerator, type TextGeneratorOptions } from './worker/create-text-generator.ts';

export interface TestText {
  readonly loaded: LoadedModel | null;
  readonly text: string;
  readonly ending: GenerationEnding | null;
}

export type TestTextOptions = Pick<TextGeneratorOptions, 'modelDir' | 'logger'> & Partial<TextGeneratorOptions>;

const sampling = { maxLength: null, maxNewTokens: 40, topK: 0, topP: 1, repetitionPenalty: 1, stop: [] };
/** With random weights all tokens are about equally likely, so a small change of a logit shows in one of 40 tokens. */
const temperature = 0.2;

/** @throws the errors of `start()` */
export async function writeTestText(model: string, options: TestTextOptions): Promise<TestText> {
  const defaults = { revision: undefined, engine: 'auto', dtype: 'fp32', hubEndpoint: 'http://not.used' } as const;
  const generator = createTextGenerator({ ...defaults, slots: 1, threads: 1, ...options, model });
  try {
    await generator.start();
    const request = { prompt: 'The king', seed: 1, parameters: { ...sampling, temperature } };
    let text = '';
    let ending: GenerationEnding | null = null;
    for await (const event of generator.generate(request, new AbortController().signal)) {
      if (event.type === 'token-delta') text += event.text;
      if (event.type === 'generation-end') ({ ending } = event);
    }
    return { loaded: generator.model, text, ending };
  } finally {
    await generator.stop();
  }
}
