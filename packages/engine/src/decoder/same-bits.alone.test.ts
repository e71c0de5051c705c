/** A text's numbers depend on nothing but its tokens: not on what runs beside it, nor on how the work is divided. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeGpt2Folder } from '@prosemill/testkit';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { readTestModel } from '../families/gpt2/test-model.ts';
import { int8Parts } from '../int8/int8-parts.ts';
import { createRandom } from '../sampling/random.ts';
import { Decoder, type DecoderOptions, type StepOutput } from './decoder.ts';
import { linearCount } from './decoder-shape.ts';
import type { DecoderWeights } from './decoder-weights.ts';
import { floatParts, type ModelParts } from './model-parts.ts';

/** Widths that need padding, heads and columns that no number of threads divides evenly, and more than two pages. */
const config = { n_embd: 60, n_head: 5, n_inner: 100, vocab_size: 301, n_positions: 150 };
const lengths = [150, 1, 64, 65, 17, 3];
const texts = lengths.map((length, text) =>
  Array.from({ length }, (_, place) => (text * 131 + place * 17 + place * place) % 301),
);

let weights: DecoderWeights;
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-same-bits-'));
  await writeGpt2Folder(folder, { config });
  ({ weights } = await readTestModel(folder));
  await rm(folder, { recursive: true });
});

const modelOf = (format: 'fp32' | 'int8'): ModelParts => (format === 'fp32' ? floatParts(weights) : int8Parts(weights));

/** The bits of a row's candidates and logits. */
const bitsOf = ({ topIds, topValues, topCount, logitsOf }: StepOutput, row: number): string =>
  [
    ...topIds.subarray(row * topCount, (row + 1) * topCount),
    ...new Int32Array(topValues.slice(row * topCount, (row + 1) * topCount).buffer),
    ...new Int32Array(logitsOf(row).slice().buffer),
  ].join();

interface Running {
  readonly text: number;
  readonly cached: ReturnType<Decoder['pages']['add']>;
}

/**
 * Runs all texts, with so many at a time, each in random pieces up to `largest` positions. Texts join as others leave.
 * @returns the bits after each token of each text
 */
async function runTexts(
  model: ModelParts,
  options: Pick<DecoderOptions, 'threads' | 'maxOwnRows'>,
  { together, largest, seed }: { together: number; largest: number; seed: number },
): Promise<readonly (readonly string[])[]> {
  const rows = together * largest;
  const decoder = await Decoder.open(model, { ...options, texts: together, rows, wanted: rows });
  onTestFinished(async () => await decoder.close());
  const random = createRandom(seed);
  const bits: string[][] = texts.map(() => []);
  const waiting = [...texts.keys()];
  let running: Running[] = [];
  while (waiting.length + running.length > 0) {
    while (running.length < together && waiting.length > 0) {
      const [text = 0] = waiting.splice(Math.floor(random() * waiting.length), 1);
      running.push({ text, cached: decoder.pages.add(lengths[text] ?? 0) });
    }
    const segments = running.map(({ text, cached }) => {
      const ids = (texts[text] ?? []).slice(cached.length, cached.length + 1 + Math.floor(random() * largest));
      return { text: cached, ids, wanted: ids.length };
    });
    const output = await decoder.step(segments, { withLogits: true });
    let row = 0;
    for (const [index, { text }] of running.entries()) {
      for (const _ of segments[index]?.ids ?? []) bits[text]?.push(bitsOf(output, row++));
    }
    const isDone = ({ text, cached }: Running): boolean => cached.length === lengths[text];
    for (const { cached } of running.filter(isDone)) decoder.pages.remove(cached);
    running = running.filter((one) => !isDone(one));
  }
  return bits;
}

describe.each(['fp32', 'int8'] as const)(
  'in %s each position has the same candidates and logits, bit for bit,',
  (format) => {
    it('alone and in any batch, in any pieces, with any number of threads, by the kernel and by onnxruntime', async () => {
      const model = modelOf(format);
      const expected = await runTexts(model, { threads: 1 }, { together: 1, largest: 1, seed: 1 });
      expect(expected.map(({ length }) => length)).toEqual(lengths);
      for (const threads of [1, 2, 3, 4, 6]) {
        for (const [maxOwnRows, together, largest] of [
          [4, 1, 1],
          [0, 1, 1],
          [0, 5, 40],
          [4, 3, 3],
          [Infinity, 5, 40],
        ] as const) {
          const plan = { together, largest, seed: threads };
          const actual = await runTexts(model, { threads, maxOwnRows }, plan);
          expect({ threads, maxOwnRows, plan, actual }).toEqual({ threads, maxOwnRows, plan, actual: expected });
        }
      }
    });

    it('also where only the last position of each piece is wanted', async () => {
      const model = modelOf(format);
      const [text = []] = texts;
      const expected = await runTexts(model, { threads: 1 }, { together: 1, largest: 7, seed: 2 });
      const decoder = await Decoder.open(model, { threads: 2, texts: 2, rows: 100, wanted: 2 });
      onTestFinished(async () => await decoder.close());
      const [cached, other] = [decoder.pages.add(150), decoder.pages.add(150)];
      const bits: string[] = [];
      for (const [from, to, wanted] of [
        [0, 60, 0],
        [60, 61, 1],
        [61, 120, 1],
        [120, 150, 1],
      ] as const) {
        const beside = { text: other, ids: [5, 6, 7], wanted: 1 };
        const output = await decoder.step([beside, { text: cached, ids: text.slice(from, to), wanted }], {
          withLogits: true,
        });
        if (wanted === 1) bits.push(bitsOf(output, 1));
      }
      expect(bits).toEqual([60, 119, 149].map((place) => expected[0]?.[place]));
    });
  },
);

it('in int8 candidates have one order, also where the scale of the row makes two of them equal', async () => {
  const [half, { vocabulary }] = [150, weights.shape];
  const row = weights.head.length / vocabulary;
  // Each token of the second half has the logit of one of the first half, multiplied by the next larger scale.
  const head = weights.head.slice();
  head.copyWithin(half * row, 0, half * row);
  const model = int8Parts({ ...weights, head });
  const scales = model.bytes.get(`linear.${linearCount(weights.shape) - 1}.scales`) as Uint8Array<ArrayBuffer>;
  const bits = new Int32Array(scales.buffer, scales.byteOffset, 2 * half);
  for (let id = 0; id < half; id += 1) bits[half + id] = (bits[id] ?? 0) + 1;
  const [ids = []] = texts;
  let expected: unknown;
  for (const threads of [1, 2, 3, 4]) {
    const decoder = await Decoder.open(model, { threads, texts: 1, rows: ids.length, wanted: ids.length });
    onTestFinished(async () => await decoder.close());
    // The kernel finds the candidates of a step with logits, onnxruntime those of a step without.
    for (const withLogits of [true, false]) {
      const text = decoder.pages.add(ids.length);
      const { topIds, topValues } = await decoder.step([{ text, ids, wanted: ids.length }], { withLogits });
      decoder.pages.remove(text);
      expected ??= { topIds, topValues };
      expect({ topIds, topValues }).toEqual(expected);
    }
  }
});
