/**
 * Both engines with tokenizers that are not byte-level: these drop unknown characters, and their decoders insert spaces
 * between tokens.
 */
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GenerationEnding, SamplingParameters, TextGenerator } from '@prosemill/core';
import { characterTokenizer, type TokenizerFiles, wordPieceTokenizer, writeGpt2Folder } from '@prosemill/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTextGenerator } from './index.ts';
import { testOptions } from './test-options.ts';

const shipped = fileURLToPath(new URL('../../../models/tiny-tales', import.meta.url));
const engines = [
  { engine: 'batched', vocabulary: 300 },
  // The engine `transformers` runs on the shipped model's weights.
  { engine: 'transformers', vocabulary: 4_096 },
] as const;

type EngineCase = (typeof engines)[number];

let modelDir: string;
beforeAll(async () => {
  modelDir = await mkdtemp(join(tmpdir(), 'prosemill-tokenizers-'));
});
afterAll(async () => {
  await rm(modelDir, { recursive: true });
});

/** A tokenizer of the words w3, w4, …, whose ids are their numbers. */
function wordsTokenizer(vocabulary: number): TokenizerFiles {
  const { tokenizer_config: _, ...files } = { tokenizer_config: null, ...wordPieceTokenizer() };
  const model = files['tokenizer.json']['model'] as Record<string, unknown>;
  const words = Array.from({ length: vocabulary - 3 }, (_word, index) => [`w${index + 3}`, index + 3] as const);
  const vocab = { '<s>': 0, '</s>': 1, '[UNK]': 2, ...Object.fromEntries(words) };
  return { ...files, 'tokenizer.json': { ...files['tokenizer.json'], model: { ...model, vocab } } };
}

async function start({ engine, vocabulary }: EngineCase, tokenizer: TokenizerFiles): Promise<TextGenerator> {
  const folder = await mkdtemp(join(modelDir, 'model-'));
  const files =
    engine === 'batched' ? tokenizer : { ...tokenizer, 'config.json': await readFile(join(shipped, 'config.json')) };
  await writeGpt2Folder(folder, { config: { vocab_size: vocabulary }, files: { ...files } });
  await symlink(join(shipped, 'onnx'), join(folder, 'onnx'));
  const generator = createTextGenerator({ ...testOptions, model: folder, engine, modelDir, slots: 8 });
  await generator.start();
  return generator;
}

interface Result {
  readonly text: string;
  readonly ending: GenerationEnding;
}

async function run(
  generator: TextGenerator,
  prompt: string,
  changes: Partial<SamplingParameters> = {},
): Promise<Result> {
  const parameters = { maxLength: null, maxNewTokens: 12, temperature: 1, topK: 0, topP: 1, repetitionPenalty: 1 };
  const request = { prompt, seed: 5, parameters: { ...parameters, stop: [], ...changes } };
  let text = '';
  for await (const event of generator.generate(request, new AbortController().signal)) {
    if (event.type === 'token-delta') text += event.text;
    if (event.type === 'generation-end') return { text, ending: event.ending };
  }
  throw new Error('no ending');
}

const refusal = (words: string): Result => ({
  text: '',
  ending: {
    reason: 'error',
    error: expect.objectContaining({
      code: 'invalid_request',
      retryable: false,
      message: expect.stringContaining(words) as string,
    }) as never,
  },
});

describe.each(engines)('the engine $engine', (engineCase) => {
  const { vocabulary } = engineCase;

  describe('with a tokenizer of words', () => {
    let generator: TextGenerator;
    beforeAll(async () => {
      generator = await start(engineCase, wordsTokenizer(vocabulary));
    });
    afterAll(async () => await generator.stop());

    it.each([' ', '\n\t', '\u200B', '\u0007', '\u00AD\u200D\uFEFF'])(
      'refuses the prompt %o, which has no tokens, and runs its neighbours',
      async (prompt) => {
        const others = ['w20 w21 w22', 'w40', 'w50 w51'];
        const alone: Result[] = [];
        for (const other of others) alone.push(await run(generator, other));
        const together = await Promise.all([prompt, ...others, prompt].map(async (each) => await run(generator, each)));
        expect(together).toEqual([refusal('has no tokens'), ...alone, refusal('has no tokens')]);
      },
    );

    it('writes the space between prompt and text', async () => {
      const { text, ending } = await run(generator, 'w20 w21', { temperature: 0 });
      expect(text).toMatch(/^( w\d+)+$/);
      expect(ending).toMatchObject({ reason: 'length', usage: { promptTokens: 2 } });
    });

    it('finds a stop string that begins with the space between prompt and text', async () => {
      const { text } = await run(generator, 'w20 w21', { temperature: 0 });
      const first = /^ w\d+/.exec(text)?.[0] ?? '';
      const stopped = await run(generator, 'w20 w21', { temperature: 0, stop: [first] });
      expect(stopped).toMatchObject({ text: '', ending: { reason: 'stop', usage: { completionTokens: 1 } } });
    });
  });

  describe('with a tokenizer of characters that has a beginning-of-text token', () => {
    const surplus = { content: '<more>', special: false, normalized: false };
    let generator: TextGenerator;
    beforeAll(async () => {
      const config = { bos_token: '<s>', added_tokens_decoder: { [vocabulary]: surplus } };
      generator = await start(engineCase, characterTokenizer({ config }));
    });
    afterAll(async () => await generator.stop());

    it.each(['日本', '1', '\n', '\u200B', '1 2'.repeat(20).replaceAll(' ', '')])(
      'starts with the beginning of text if the prompt has no tokens: %o',
      async (prompt) => {
        const [empty, other] = await Promise.all([run(generator, prompt), run(generator, 'a king')]);
        expect(empty).toMatchObject({ ending: { usage: { promptTokens: 1 } } });
        expect(empty).toEqual(await run(generator, '<s>'));
        expect(other).toEqual(await run(generator, 'a king'));
      },
    );

    it('refuses an added token that the model does not have, and runs its neighbours', async () => {
      const [refused, other] = await Promise.all([run(generator, 'a <more>'), run(generator, 'a king')]);
      expect(refused).toEqual(refusal(`the token ${vocabulary}`));
      expect(other).toEqual(await run(generator, 'a king'));
    });
  });
});
