/**
 * Rewrites the network so that its numbers suit int8: centred around zero, with channels of about one size. Every step
 * is exact in real arithmetic: what follows compensates for the change of what comes before. Before
 * queries-keys-values and before the MLP, the change is folded into the norm. Before the projection, it is folded into
 * the bias and columns of the values, because attention weights add up to 1. Keys and queries are multiplied with each
 * other: a channel of keys gets smaller as that of queries gets larger, and a constant in all keys changes no share of
 * attention. After the activation, folding is not possible.
 * @see Xiao 2023, "SmoothQuant"; Wei 2023, "Outlier Suppression+"
 */
import { linearsPerLayer } from '../decoder/decoder-shape.ts';
import type { DecoderLayer, DecoderWeights, Linear, Norm } from '../decoder/decoder-weights.ts';
import type { OnShare } from '../load-progress.ts';
import type { Calibration, ChannelStatistics } from './calibration.ts';

/** The change of channels: x becomes (x − shift) / scale. Both have shape [channels]. */
interface Change {
  readonly shift: Float32Array;
  readonly scale: Float32Array;
}

/**
 * Changes the weights themselves, because two copies of a large model may not fit into the memory. A head that is the
 * token table is copied first.
 * @returns weights of the same function
 */
export function balance(
  weights: DecoderWeights,
  { inputs, keys }: Calibration,
  onShare: OnShare = () => undefined,
): DecoderWeights {
  const { layers, finalNorm, tokens } = weights;
  const head = weights.head === tokens ? tokens.slice() : weights.head;
  for (const [index, layer] of layers.entries()) {
    const first = linearsPerLayer * index;
    balanceLayer(layer, inputs.slice(first, first + linearsPerLayer), keys[index]);
    onShare((index + 1) / (layers.length + 1));
  }
  const width = finalNorm.gain.length;
  const { scale } = changeFor(inputs.at(-1), columnSizes(head, width));
  // The head has no bias that could compensate for a shift.
  changeNorm(finalNorm, { shift: new Float32Array(width), scale });
  scaleColumns(head, scale);
  onShare(1);
  return { ...weights, head };
}

function balanceLayer(
  layer: DecoderLayer,
  [attention, projection, mlpIn]: readonly ChannelStatistics[],
  keyStatistics: ChannelStatistics | undefined,
): void {
  const before = changeFor(attention, rowSizes(layer.attention));
  const values = changeFor(projection, rowSizes(layer.projection));
  // This change adds the least to the queries among those that leave no channel larger than the others.
  const keys = changeFor(
    keyStatistics,
    keyStatistics?.spread.map((size) => 1 / size),
  );
  const queries = { shift: new Float32Array(keys.scale.length), scale: keys.scale.map((scale) => 1 / scale) };
  const inner = changeFor(mlpIn, rowSizes(layer.mlpIn));
  changeNorm(layer.attentionNorm, before);
  compensate(layer.attention, before);
  changeOutputs(layer.attention, [queries, keys, values]);
  compensate(layer.projection, values);
  changeNorm(layer.mlpNorm, inner);
  compensate(layer.mlpIn, inner);
}

/** @param weightSizes  The largest absolute weight that each channel is multiplied by. */
function changeFor(statistics: ChannelStatistics | undefined, weightSizes: Float32Array = new Float32Array()): Change {
  if (statistics === undefined) throw new RangeError('A part of the model was not observed.');
  const { mean, spread } = statistics;
  const scale = spread.map((size, channel) => coarse(Math.sqrt(size / at(weightSizes, channel))));
  // Coarse steps are as good as exact values, and do not differ between machines whose sums differ in the last bits.
  const shift = mean.map((value, channel) => {
    const step = coarse(at(spread, channel)) / 16;
    return Math.round(value / step) * step;
  });
  return { shift, scale };
}

/**
 * The power of √2 that is nearest to `size`; 1 if `size` is 0, infinite or NaN. Without logarithms, whose last bits
 * differ between machines.
 */
function coarse(size: number): number {
  if (!(size > 0 && size < Number.POSITIVE_INFINITY)) return 1;
  let power = 1;
  while (power > size) power /= 2;
  while (2 * power <= size) power *= 2;
  const [border, rest] = [Math.sqrt(Math.SQRT2), size / power];
  if (rest < border) return power;
  return rest < border * Math.SQRT2 ? power * Math.SQRT2 : 2 * power;
}

function changeNorm({ gain, bias }: Norm, { shift, scale }: Change): void {
  for (const [channel, factor] of scale.entries()) {
    gain[channel] = at(gain, channel) / factor;
    bias[channel] = (at(bias, channel) - at(shift, channel)) / factor;
  }
}

/** Makes the layer compute the same outputs from the changed input. */
function compensate({ weight, bias, inputs, outputs }: Linear, { shift, scale }: Change): void {
  const shares = new Float64Array(bias);
  for (let input = 0; input < inputs; input += 1) {
    const [moved, factor] = [at(shift, input), at(scale, input)];
    for (let output = 0; output < outputs; output += 1) {
      const value = weight[input * outputs + output] as number;
      shares[output] = (shares[output] as number) + moved * value;
      weight[input * outputs + output] = value * factor;
    }
  }
  bias.set(shares);
}

const join = (parts: readonly Float32Array[]): Float32Array => Float32Array.from(parts.flatMap((part) => [...part]));

/** Changes the outputs of a layer, third by third. */
function changeOutputs({ weight, bias }: Linear, changes: readonly Change[]): void {
  const scale = join(changes.map((change) => change.scale));
  const shift = join(changes.map((change) => change.shift));
  scaleColumns(
    weight,
    scale.map((value) => 1 / value),
  );
  for (const [output, factor] of scale.entries()) bias[output] = (at(bias, output) - at(shift, output)) / factor;
}

function scaleColumns(table: Float32Array, factors: Float32Array): void {
  const width = factors.length;
  for (let start = 0; start < table.length; start += width) {
    for (let column = 0; column < width; column += 1) {
      table[start + column] = (table[start + column] as number) * (factors[column] as number);
    }
  }
}

function rowSizes({ weight, inputs, outputs }: Linear): Float32Array {
  const sizes = new Float32Array(inputs);
  for (let input = 0; input < inputs; input += 1) {
    let size = 0;
    for (let index = input * outputs; index < (input + 1) * outputs; index += 1) {
      size = Math.max(size, Math.abs(weight[index] as number));
    }
    sizes[input] = size;
  }
  return sizes;
}

function columnSizes(table: Float32Array, width: number): Float32Array {
  const sizes = new Float32Array(width);
  for (let start = 0; start < table.length; start += width) {
    for (let column = 0; column < width; column += 1) {
      sizes[column] = Math.max(sizes[column] as number, Math.abs(table[start + column] as number));
    }
  }
  return sizes;
}

/** Reads a value whose index is known to be in range. */
const at = (values: Float32Array, index: number): number => values[index] ?? Number.NaN;
