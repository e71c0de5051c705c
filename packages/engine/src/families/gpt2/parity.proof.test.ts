/** Compares greedy texts of `batched` in fp32 with those of transformers.js on the same weights. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { TextGenerator } from '@prosemill/core';
import { createTokenizer, type Tokenizer } from '@prosemill/tokenizer';
import { expect, it } from 'vitest';
import { Decoder } from '../../decoder/decoder.ts';
import { floatParts } from '../../decoder/model-parts.ts';
import { createTextGenerator } from '../../index.ts';
import type { Engine } from '../../models/model-files.ts';
import { logitsOf, scoringLimits } from '../../quality/score-windows.ts';
import { testOptions } from '../../test-options.ts';
import { readTestModel } from './test-model.ts';

const folder = fileURLToPath(new URL('../../../../../models/tiny-tales', import.meta.url));
const text = readFileSync(new URL('../../../texts/held-out.txt', import.meta.url), 'utf8');
const promptCount = 200;
const newTokens = 24;
/** The order of summation changes a logit by less than this, so logits with a smaller difference may swap ranks. */
const tie = 1e-3;

/** Cuts pieces of 1 to 60 words from all parts of the text. */
function promptsOf(words: readonly string[]): readonly string[] {
  return Array.from({ length: promptCount }, (_, index) => {
    const start = Math.floor(((words.length - 60) * index) / promptCount);
    return words.slice(start, start + 1 + ((index * 37) % 60)).join(' ');
  });
}

const prompts = promptsOf(text.split(/\s+/));

async function greedyTexts(engine: Engine): Promise<{ texts: readonly string[]; tokenizer: Tokenizer }> {
  const generator = createTextGenerator({ ...testOptions, engine, threads: 2 });
  await generator.start();
  const texts = await Promise.all(prompts.map((prompt) => greedyText(generator, prompt)));
  await generator.stop();
  return { texts, tokenizer: createTokenizer(generator.model?.record.tokenizer ?? '') };
}

async function greedyText(generator: TextGenerator, prompt: string): Promise<string> {
  const sampling = {
    maxLength: null,
    maxNewTokens: newTokens,
    temperature: 0,
    topK: 50,
    topP: 1,
    repetitionPenalty: 1,
  };
  const request = { prompt, seed: 1, parameters: { ...sampling, stop: [] } };
  let all = '';
  for await (const event of generator.generate(request, new AbortController().signal)) {
    if (event.type === 'token-delta') all += event.text;
    if (event.type === 'generation-end' && event.ending.reason === 'error') throw event.ending.error;
  }
  return all;
}

/** The difference between the two largest logits after a text. */
async function gapAfter(decoder: Decoder, ids: readonly number[]): Promise<number> {
  const logits = await logitsOf(decoder, ids);
  const [first = 0, second = 0] = logits.slice(-decoder.shape.vocabulary).toSorted((a, b) => b - a);
  return first - second;
}

it(`gives the same ${promptCount} greedy texts as transformers.js, up to numerical ties`, async () => {
  const batched = await greedyTexts('batched');
  const transformers = await greedyTexts('transformers');
  expect(new Set(batched.texts).size).toBeGreaterThan(promptCount / 2);
  const { weights } = await readTestModel(folder);
  const decoder = await Decoder.open(floatParts(weights), { ...scoringLimits, threads: 1 });
  const ties: string[] = [];
  for (const [index, prompt] of prompts.entries()) {
    const [actual = '', expected = ''] = [batched.texts[index], transformers.texts[index]];
    if (actual === expected) continue;
    const [ids, others] = [actual, expected].map((all) => batched.tokenizer.encode(prompt + all));
    const same = (ids ?? []).findIndex((id, place) => id !== others?.[place]);
    const gap = await gapAfter(decoder, (ids ?? []).slice(0, same));
    expect(gap, `${JSON.stringify(prompt + actual)} should be ${JSON.stringify(prompt + expected)}`).toBeLessThan(tie);
    ties.push(`${JSON.stringify(prompt)}: a tie of ${gap.toExponential(1)} after ${same} tokens`);
  }
  process.stdout.write(
    `${promptCount - ties.length} of ${promptCount} greedy texts are the same.\n${ties.join('\n')}\n`,
  );
});
