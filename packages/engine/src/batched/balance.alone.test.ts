/** Balancing the shipped model, and a twin of it that has outlier channels like larger GPT-2 models. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { qualityLimits } from '../quality/quality-report.ts';
import { scoreWindows } from '../quality/score-windows.ts';
import { balance, type BalancedWeights } from './balance.ts';
import { observeLinears } from './calibration.ts';
import { buildFp32Graph, buildGpt2Graph } from './gpt2-graph.ts';
import { Gpt2Session } from './gpt2-session.ts';
import type { Gpt2Weights, Linear, Norm } from './gpt2-weights.ts';
import { Int8Layers } from './int8-layers.ts';
import { firstStep } from './step.ts';
import { readTestModel } from './test-model.ts';

const folder = fileURLToPath(new URL('../../../../models/tiny-tales', import.meta.url));
let calibrationIds: readonly number[];
let heldOutIds: readonly number[];
let weights: Gpt2Weights;
beforeAll(async () => {
  const { tokenizer, ...model } = await readTestModel(folder);
  const idsOf = async (name: string): Promise<readonly number[]> =>
    tokenizer.encode(await readFile(new URL(`../../texts/${name}.txt`, import.meta.url), 'utf8'));
  calibrationIds = await idsOf('calibration');
  heldOutIds = (await idsOf('held-out')).slice(0, 2_000);
  weights = model.weights;
});

const open = async (graph: Uint8Array): Promise<Gpt2Session> => await Gpt2Session.create(graph, weights.shape, 2);
const openInt8 = async (of: BalancedWeights): Promise<Gpt2Session> =>
  await open(buildGpt2Graph(of, (graph) => new Int8Layers(graph, of)));

async function logitsOf(session: Gpt2Session): Promise<Float32Array> {
  const { logits } = await session.run(firstStep(heldOutIds.slice(0, 100), weights.shape));
  return logits ?? new Float32Array();
}

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

function twinOf(original: Gpt2Weights): Gpt2Weights {
  const layers = original.layers.map((layer) => {
    const { norm: attentionNorm, linear: attention } = withOutliers(layer.attentionNorm, layer.attention);
    const { norm: mlpNorm, linear: mlpIn } = withOutliers(layer.mlpNorm, layer.mlpIn);
    return { ...layer, attentionNorm, attention, mlpNorm, mlpIn };
  });
  return { ...original, layers };
}

async function agreementInInt8(of: BalancedWeights): Promise<number> {
  const [reference, other] = [await open(buildFp32Graph(weights)), await openInt8(of)];
  const scores = await scoreWindows({ ids: heldOutIds, shape: weights.shape, reference, other });
  return scores.other.agreements / scores.other.tokens;
}

describe('balanced weights', () => {
  it('compute the same', async () => {
    const balanced = balance(weights, await observeLinears(weights, calibrationIds, 2));
    // buildFp32Graph does not apply the head's scales, so the final norm keeps its original values.
    const same = { ...balanced, finalNorm: weights.finalNorm };
    const expected = await logitsOf(await open(buildFp32Graph(weights)));
    const actual = await logitsOf(await open(buildFp32Graph(same)));
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
    const plain = { ...twin, headScales: new Float32Array(weights.shape.width).fill(1) };
    expect(await agreementInInt8(plain)).toBeLessThan(qualityLimits.minTop1Agreement - 0.03);
    const balanced = balance(twin, await observeLinears(twin, calibrationIds, 2));
    expect(await agreementInInt8(balanced)).toBeGreaterThan(qualityLimits.minTop1Agreement);
  });
});
