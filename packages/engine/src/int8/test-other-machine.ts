/**
 * Prints a digest of everything that int8 computes for a model: prepared weights, and the logits of a text, by the
 * kernel's products and by onnxruntime's. Then a digest of exponentials, the first tokens that the shipped model's
 * golden prompts get, in int8 and in fp32, and texts that are drawn in int8. A process of its own, so that it can run
 * on emulated machines.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import type { GoldenTokens } from '@prosemill/testkit';
import { createTokenizer } from '@prosemill/tokenizer';
import { Decoder } from '../decoder/decoder.ts';
import { readTestModel } from '../families/gpt2/test-model.ts';
import { openDecoder } from '../families/open-decoder.ts';
import { BatchLoop } from '../loop/batch-loop.ts';
import { describeModel } from '../models/describe-model.ts';
import { exp } from '../sampling/exp.ts';
import { createRandom } from '../sampling/random.ts';
import { TextRun } from '../sampling/text-run.ts';
import { int8Parts } from './int8-parts.ts';
import { balanceOn } from './prepare-int8.ts';

const [, , folder = '', threads = '1'] = argv;
const ids = Array.from({ length: 30 }, (_, place) => (place * 17 + place * place) % 301);

const { weights } = await readTestModel(folder);
const parts = int8Parts(await balanceOn(weights, ids));
const prepared = createHash('sha256');
for (const [name, bytes] of parts.bytes) prepared.update(name).update(bytes);
process.stdout.write(`weights ${prepared.digest('hex')}\n`);

const limits = { threads: Number(threads), texts: 1, rows: 10, wanted: 10 };
for (const size of [1, 10]) {
  const decoder = await Decoder.open(parts, limits);
  const text = decoder.pages.add(ids.length);
  const logits = createHash('sha256');
  for (let done = 0; done < ids.length; done += size) {
    const piece = ids.slice(done, done + size);
    const output = await decoder.step([{ text, ids: piece, wanted: piece.length }], { withLogits: true });
    for (const row of piece.keys()) logits.update(output.logitsOf(row).slice());
  }
  process.stdout.write(`logits ${logits.digest('hex')}\n`);
  await decoder.close();
}

// A last bit that differs changes a text only rarely.
const random = createRandom(1);
const powers = Float64Array.from({ length: 100_000 }, () => exp(-30 * random()));
process.stdout.write(`exponentials ${createHash('sha256').update(powers).digest('hex')}\n`);

const tinyTales = new URL('../../../../models/tiny-tales/', import.meta.url);
/** All 40 tokens of all prompts would take an emulated machine a minute. */
const [prompts, newTokens] = [4, 10];
const golden = JSON.parse(readFileSync(new URL('golden.json', tinyTales), 'utf8')) as GoldenTokens;
const cases = golden.cases.slice(0, prompts);
const { shape, ...model } = await describeModel(fileURLToPath(tinyTales), ['batched'], 'int8');
if (shape === null) throw new TypeError('tiny-tales is not a GPT-2 model');

/** One for each way of the sampling code. */
const samplings = [
  { temperature: 1, topK: 50, topP: 1, repetitionPenalty: 1 },
  { temperature: 0.7, topK: 50, topP: 0.9, repetitionPenalty: 1 },
  { temperature: 1.3, topK: 0, topP: 1, repetitionPenalty: 1 },
  { temperature: 1, topK: 0, topP: 0.9, repetitionPenalty: 1.2 },
];

async function drawTexts(decoder: Decoder): Promise<readonly string[]> {
  const loop = new BatchLoop({ decoder, onStep: () => undefined });
  const tokenizer = createTokenizer(model.tokenizer);
  return await Promise.all(
    samplings.map(async (sampling, seed) => {
      let text = '';
      const parameters = { ...sampling, maxLength: null, maxNewTokens: newTokens, stop: [] };
      const textRun = new TextRun({
        request: { prompt: 'Once upon a time', seed, parameters },
        tokenizer,
        contextLength: decoder.shape.positions,
        endIds: new Set(),
        onText: (piece) => (text += piece),
      });
      await loop.run(textRun, () => undefined);
      return text;
    }),
  );
}

for (const format of ['int8', 'fp32'] as const) {
  const decoder = await openDecoder({
    model: { ...model, shape },
    format,
    // The first machine stores the int8 parts here, which are equal on all.
    modelDir: folder,
    options: { threads: 1, texts: cases.length, rows: 256, wanted: cases.length },
    onProgress: () => undefined,
  });
  const texts = cases.map(({ input_ids: prompt }) => ({
    cached: decoder.pages.add(prompt.length + newTokens),
    tokens: [...prompt],
  }));
  for (let count = 0; count < newTokens; count += 1) {
    const { topIds, topCount } = await decoder.step(
      texts.map(({ cached, tokens }) => ({ text: cached, ids: tokens.slice(cached.length), wanted: 1 })),
    );
    for (const [row, { tokens }] of texts.entries()) tokens.push(topIds[row * topCount] ?? 0);
  }
  const generated = texts.map(({ tokens }, index) => tokens.slice(cases[index]?.input_ids.length));
  process.stdout.write(`${JSON.stringify({ format, generated })}\n`);
  for (const { cached } of texts) decoder.pages.remove(cached);
  if (format === 'int8') process.stdout.write(`${JSON.stringify(await drawTexts(decoder))}\n`);
  await decoder.close();
}
