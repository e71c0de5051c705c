/** The variants of GPT-2 compute what transformers computes. */
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTestFolder, writeGpt2Folder } from '@prosemill/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Decoder } from '../../decoder/decoder.ts';
import { floatParts, type ModelParts } from '../../decoder/model-parts.ts';
import { int8Parts } from '../../int8/int8-parts.ts';
import { balanceOn } from '../../int8/prepare-int8.ts';
import { logitsOf, scoringLimits } from '../../quality/score-windows.ts';
import { readTestModel } from './test-model.ts';
import { variants } from './test-variants.ts';

interface GoldenVariant {
  /** [places, V] */
  readonly logits: readonly (readonly number[])[];
  /** The best next token after each token of the input. */
  readonly top_ids: readonly number[];
  readonly greedy_ids: readonly number[];
}

interface GoldenVariants {
  readonly input_ids: readonly number[];
  readonly places: readonly number[];
  readonly variants: Readonly<Record<string, GoldenVariant>>;
}

/** Written by `test-data/make_gpt2_variants.py`. */
const golden = JSON.parse(
  readFileSync(new URL('../../../test-data/gpt2-variants.json', import.meta.url), 'utf8'),
) as GoldenVariants;
const { input_ids: input, places } = golden;

interface Computed {
  /** The largest difference from the golden logits. */
  readonly error: number;
  readonly topIds: readonly number[];
  readonly greedyIds: readonly number[];
}

async function compute(model: ModelParts, { logits: expected, greedy_ids: greedy }: GoldenVariant): Promise<Computed> {
  const decoder = await Decoder.open(model, { ...scoringLimits, rows: input.length, threads: 1 });
  onTestFinished(async () => await decoder.close());
  const { vocabulary } = decoder.shape;
  const logits = await logitsOf(decoder, input);
  const rowOf = (place: number): readonly number[] => [
    ...logits.subarray(place * vocabulary, (place + 1) * vocabulary),
  ];
  const differences = places.flatMap((place, index) =>
    rowOf(place).map((value, id) => Math.abs(value - (expected[index]?.[id] ?? Number.NaN))),
  );
  return {
    error: Math.max(...differences),
    topIds: input.map((_, place) => indexOfLargest(rowOf(place))),
    greedyIds: await greedyIdsOf(decoder, greedy.length),
  };
}

const indexOfLargest = (values: readonly number[]): number => values.indexOf(Math.max(...values));

/** The prompt in one step, then token by token. */
async function greedyIdsOf(decoder: Decoder, count: number): Promise<readonly number[]> {
  const text = decoder.pages.add(input.length + count - 1);
  const ids: number[] = [];
  let unseen = input;
  while (ids.length < count) {
    const { topIds } = await decoder.step([{ text, ids: unseen, wanted: 1 }]);
    unseen = [...topIds.subarray(0, 1)];
    ids.push(...unseen);
  }
  return ids;
}

describe('a GPT-2 model', () => {
  it.each([...variants])('%s has the logits and the greedy text of transformers', async (name, options) => {
    const folder = join(await createTestFolder(), 'model');
    await writeGpt2Folder(folder, options);
    const { weights } = await readTestModel(folder);
    const expected = golden.variants[name];
    if (expected === undefined) throw new RangeError(`gpt2-variants.json lacks the variant ${name}`);
    const floats = await compute(floatParts(weights), expected);
    expect(floats.error).toBeLessThan(2e-5);
    expect(floats.topIds).toEqual(expected.top_ids);
    expect(floats.greedyIds).toEqual(expected.greedy_ids);
    const int8 = await compute(int8Parts(await balanceOn(weights, [...input, ...input])), expected);
    expect(int8.error).toBeLessThan(0.05 * Math.max(...expected.logits.flat().map(Math.abs)));
    const equal = int8.topIds.filter((id, place) => id === expected.top_ids[place]);
    expect(equal.length).toBeGreaterThanOrEqual(0.9 * input.length);
  });
});

it('a model with token weights beyond float16 has finite logits in int8', async () => {
  const folder = join(await createTestFolder(), 'model');
  await writeGpt2Folder(folder);
  const { weights } = await readTestModel(folder);
  for (const [index, weight] of weights.tokens.entries()) weights.tokens[index] = 1e6 * weight;
  const decoder = await Decoder.open(int8Parts(weights), { ...scoringLimits, threads: 1 });
  onTestFinished(async () => await decoder.close());
  expect((await logitsOf(decoder, [0, 1, 2])).every(Number.isFinite)).toBe(true);
});

it('a model with a weight that is not a finite number is refused', async () => {
  const folder = join(await createTestFolder(), 'model');
  await writeGpt2Folder(folder);
  const file = join(folder, 'model.safetensors');
  const bytes = await readFile(file);
  await writeFile(file, bytes.fill(0xff, bytes.length - 4));
  await expect(readTestModel(folder)).rejects.toThrow('has a NaN or an infinity');
});
