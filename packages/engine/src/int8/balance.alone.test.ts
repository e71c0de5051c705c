/** Balancing the shipped model, and a twin of it that has outlier channels like larger GPT-2 models. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { Decoder } from '../decoder/decoder.ts';
import type { DecoderWeights, Linear, Norm } from '../decoder/decoder-weights.ts';
import { floatParts, type ModelParts } from '../decoder/model-parts.ts';
import { readTestModel } from '../families/gpt2/test-model.ts';
import { qualityLimits } from '../quality/quality-report.ts';
import { logitsOf, scoreWindows, scoringLimits } from '../quality/score-windows.ts';
import { int8Parts } from './int8-parts.ts';
import { balanceOn } from './prepare-int8.ts';

const folder = fileURLToPath(new URL('../../../../models/tiny-tales', import.meta.url));
let calibrationIds: readonly number[];
let heldOutIds: readonly number[];
let weights: DecoderWeights;
beforeAll(async () => {
  const { tokenizer, ...model } = await readTestModel(folder);
  const idsOf = async (name: string): Promise<readonly number[]> =>
    tokenizer.encode(await readFile(new URL(`../../texts/${name}.txt`, import.meta.url), 'utf8'));
  calibrationIds = await idsOf('calibration');
  heldOutIds = (await idsOf('held-out')).slice(0, 2_000);
  weights = model.weights;
});

const open = async (model: ModelParts): Promise<Decoder> => await Decoder.open(model, { ...scoringLimits, threads: 2 });

/** The first channels of a layer's input become outliers: multiplied by `enlarged`, and `moved` away from zero. */
const enlarged = 40;
const moved = 30;
const channels = 3;
const isOdd = (channel: number): boolean => channel < channels;

/** Computes the same function, but with outliers between the norm and the layer after it. */
function withOutliers(norm: Norm, linear: Linear): { norm: Norm; linear: Linear } {
  const bias = linear.bias.map((value, output) => {
    let sum = value;
    for (let channel = 0; channel < channels; channel += 1) {
      sum -= (moved * (linear.weight[channel * linear.outputs + output] ?? 0)) / enlarged;
    }
    return sum;
  });
  return {
    norm: {
      gain: norm.gain.map((value, channel) => (isOdd(channel) ? value * enlarged : value)),
      bias: norm.bias.map((value, channel) => (isOdd(channel) ? value * enlarged + moved : value)),
    },
    linear: {
      ...linear,
      bias,
      weight: linear.weight.map((value, index) =>
        isOdd(Math.floor(index / linear.outputs)) ? value / enlarged : value,
      ),
    },
  };
}

/**
 * The same for keys and values, in each head: queries compensate for larger keys, and the projection for the values. A
 * constant in all keys changes no share of attention, and the shares add up to 1.
 */
function withOutlierHeads(attention: Linear, projection: Linear, headWidth: number): readonly [Linear, Linear] {
  const third = attention.outputs / 3;
  const factorOf = (output: number): number => {
    if (!isOdd(output % headWidth)) return 1;
    return output < third ? 1 / enlarged : enlarged;
  };
  const shiftOf = (output: number): number => (output >= third && isOdd(output % headWidth) ? moved : 0);
  const weight = projection.weight.map(
    (value, index) => value / factorOf(2 * third + Math.floor(index / projection.outputs)),
  );
  const bias = projection.bias.map((value, output) => {
    let sum = value;
    for (let input = 0; input < third; input += 1) {
      sum -= shiftOf(2 * third + input) * (weight[input * projection.outputs + output] ?? 0);
    }
    return sum;
  });
  return [
    {
      ...attention,
      weight: attention.weight.map((value, index) => value * factorOf(index % attention.outputs)),
      bias: attention.bias.map((value, output) => value * factorOf(output) + shiftOf(output)),
    },
    { ...projection, weight, bias },
  ];
}

function twinOf(original: DecoderWeights): DecoderWeights {
  const { width, heads } = original.shape;
  const layers = original.layers.map((layer) => {
    const [joined, projection] = withOutlierHeads(layer.attention, layer.projection, width / heads);
    const { norm: attentionNorm, linear: attention } = withOutliers(layer.attentionNorm, joined);
    const { norm: mlpNorm, linear: mlpIn } = withOutliers(layer.mlpNorm, layer.mlpIn);
    return { ...layer, attentionNorm, attention, projection, mlpNorm, mlpIn };
  });
  return { ...original, layers };
}

async function agreementInInt8(of: DecoderWeights): Promise<number> {
  const [reference, other] = [await open(floatParts(weights)), await open(int8Parts(of))];
  const scores = await scoreWindows({ ids: heldOutIds, reference, other });
  return scores.other.agreements / scores.other.tokens;
}

describe('balanced weights', () => {
  it('compute the same', async () => {
    const balanced = await balanceOn(structuredClone(weights), calibrationIds);
    const ids = heldOutIds.slice(0, 100);
    const expected = await logitsOf(await open(floatParts(weights)), ids);
    const actual = await logitsOf(await open(floatParts(balanced)), ids);
    const difference = actual.reduce(
      (most, value, index) => Math.max(most, Math.abs(value - (expected[index] ?? 0))),
      0,
    );
    expect(expected.length).toBe(100 * weights.shape.vocabulary);
    expect(difference).toBeLessThan(0.002);
    expect(balanced.layers[0]?.attention.weight).not.toEqual(weights.layers[0]?.attention.weight);
  });

  it('keep int8 accurate in spite of outlier channels', async () => {
    const twin = twinOf(weights);
    expect(await agreementInInt8(twin)).toBeLessThan(qualityLimits.minTop1Agreement - 0.03);
    expect(await agreementInInt8(await balanceOn(structuredClone(twin), calibrationIds))).toBeGreaterThan(
      qualityLimits.minTop1Agreement,
    );
  });
});
