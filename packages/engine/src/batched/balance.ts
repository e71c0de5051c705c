/**
 * Rewrites the network so that the inputs of its linear layers suit int8: centred around zero, with channels of about
 * one size. Every step is exact in real arithmetic: the weights and bias of a layer compensate for the change of its
 * input. Before queries-keys-values and before the MLP, the change is folded into the norm. Before the projection, the
 * change is folded into the bias and columns of the values, because attention weights add up to 1. After GELU, folding
 * is not possible.
 * @see Xiao 2023, "SmoothQuant"; Wei 2023, "Outlier Suppression+"
 */
import type { OnShare } from '../load-progress.ts';
import type { ChannelStatistics } from './calibration.ts';
import type { Gpt2Layer, Gpt2Weights, Linear, Norm } from './gpt2-weights.ts';

export interface BalancedWeights extends Gpt2Weights {
  /** Shape [E]: factors for the rows of the head, which is the token table transposed. */
  readonly headScales: Float32Array;
}

/** The change of a layer's input: x becomes (x − shift) / scale. Both have shape [inputs]. */
interface Change {
  readonly shift: Float32Array;
  readonly scale: Float32Array;
}

export function balance(
  weights: Gpt2Weights,
  statistics: readonly ChannelStatistics[],
  onShare: OnShare = () => undefined,
): BalancedWeights {
  const { tokens, shape } = weights;
  const layers = weights.layers.map((layer, index) => {
    const balanced = balanceLayer(layer, statistics.slice(4 * index, 4 * index + 4));
    onShare((index + 1) / (shape.layers + 1));
    return balanced;
  });
  const head = changeFor(statistics.at(-1), (channel) => columnSize(tokens, shape.width, channel));
  // The head has no bias that could compensate for a shift.
  const change = { shift: new Float32Array(shape.width), scale: head.scale };
  onShare(1);
  return { ...weights, layers, finalNorm: changeNorm(weights.finalNorm, change), headScales: head.scale };
}

function balanceLayer(layer: Gpt2Layer, [attention, projection, mlpIn]: readonly ChannelStatistics[]): Gpt2Layer {
  const before = changeFor(attention, rowSize(layer.attention));
  const values = changeFor(projection, rowSize(layer.projection));
  const inner = changeFor(mlpIn, rowSize(layer.mlpIn));
  return {
    ...layer,
    attentionNorm: changeNorm(layer.attentionNorm, before),
    attention: changeValues(compensate(layer.attention, before), values),
    projection: compensate(layer.projection, values),
    mlpNorm: changeNorm(layer.mlpNorm, inner),
    mlpIn: compensate(layer.mlpIn, inner),
  };
}

/** @param weightSize  Returns the largest absolute weight that a channel is multiplied by. */
function changeFor(statistics: ChannelStatistics | undefined, weightSize: (channel: number) => number): Change {
  if (statistics === undefined) throw new RangeError('A linear layer was not observed.');
  const { mean, spread } = statistics;
  const scale = spread.map((size, channel) => coarse(Math.sqrt(size / weightSize(channel))));
  // Coarse steps are as good as exact values, and do not differ between machines whose sums differ in the last bits.
  const shift = mean.map((value, channel) => {
    const step = coarse(at(spread, channel)) / 16;
    return Math.round(value / step) * step;
  });
  return { shift, scale };
}

/** The power of √2 that is nearest to `size`; 1 if `size` is 0, infinite or NaN. */
const coarse = (size: number): number =>
  size > 0 && Number.isFinite(size) ? 2 ** (Math.round(2 * Math.log2(size)) / 2) : 1;

const changeNorm = ({ gain, bias }: Norm, { shift, scale }: Change): Norm => ({
  gain: gain.map((value, channel) => value / at(scale, channel)),
  bias: bias.map((value, channel) => (value - at(shift, channel)) / at(scale, channel)),
});

/** The layer that computes the same outputs from the changed input. */
function compensate({ weight, bias, inputs, outputs }: Linear, { shift, scale }: Change): Linear {
  const shares = new Float64Array(bias);
  for (const [index, value] of weight.entries()) {
    const output = index % outputs;
    shares[output] = (shares[output] ?? 0) + at(shift, (index - output) / outputs) * value;
  }
  const scaled = weight.map((value, index) => value * at(scale, Math.floor(index / outputs)));
  return { weight: scaled, bias: new Float32Array(shares), inputs, outputs };
}

/** Changes the values, which are the last third of the layer's outputs. */
function changeValues({ weight, bias, inputs, outputs }: Linear, { shift, scale }: Change): Linear {
  const first = outputs - scale.length;
  return {
    weight: weight.map((value, index) => {
      const channel = (index % outputs) - first;
      return channel < 0 ? value : value / at(scale, channel);
    }),
    bias: bias.map((value, output) =>
      output < first ? value : (value - at(shift, output - first)) / at(scale, output - first),
    ),
    inputs,
    outputs,
  };
}

const rowSize =
  ({ weight, outputs }: Linear) =>
  (channel: number): number =>
    weight
      .subarray(channel * outputs, (channel + 1) * outputs)
      .reduce((size, value) => Math.max(size, Math.abs(value)), 0);

function columnSize(table: Float32Array, width: number, column: number): number {
  let size = 0;
  for (let index = column; index < table.length; index += width) size = Math.max(size, Math.abs(at(table, index)));
  return size;
}

/** Reads a value whose index is known to be in range. */
const at = (values: Float32Array, index: number): number => values[index] ?? Number.NaN;
