/**
 * Linear layers in int8: weights have a scale for each column, and inputs have a scale for each row, so that no row's
 * result depends on another row. The products are whole numbers, whose sum is exact in any order, so a row has the same
 * bits alone and among others.
 */
import type { BalancedWeights } from './balance.ts';
import type { GraphLayers, LinearResult } from './graph-layers.ts';
import type { Linear } from './gpt2-weights.ts';
import { microsoftDomain, type OnnxGraph, type Value } from './onnx-graph.ts';

interface Matrix {
  /** Shape [inputs, outputs]. */
  readonly values: Int8Array;
  /** Shape [outputs]. */
  readonly scales: Float32Array;
  readonly inputs: number;
  readonly outputs: number;
}

/** The uint8 value that stands for 0 in signed inputs; 127 steps remain for the largest. */
const signedZero = 128;
/** gelu_new(x) ≥ −0.17004; values below −0.17 are rounded to −0.17. */
const geluOffset = 0.17;

export class Int8Layers implements GraphLayers {
  readonly #graph: OnnxGraph;
  readonly #weights: BalancedWeights;
  /** `signedZero` once for each of the N positions. */
  #zeroPoints: Value = '';

  constructor(graph: OnnxGraph, weights: BalancedWeights) {
    this.#graph = graph;
    this.#weights = weights;
  }

  /** Keeps the token table in float16: half the memory, with a relative error of at most 2⁻¹¹. */
  embed(ids: Value): Value {
    const { tokens, shape } = this.#weights;
    this.#zeroPoints = this.#zeroPointsLike(ids);
    const table = this.#graph.constant(new Float16Array(tokens), [shape.vocabulary, shape.width]);
    return this.#graph.node('Cast', [this.#graph.node('Gather', [table, ids])], { to: 1 });
  }

  linear(x: Value, linear: Linear): LinearResult {
    const { product, scales } = this.#signed(x, quantizeColumns(linear), this.#zeroPoints);
    return { product: this.#graph.node('Mul', [product, scales]), bias: linear.bias };
  }

  /** Adds the offset, so that all 255 steps of uint8 serve the positive inputs, which are by far the larger ones. */
  linearAfterGelu(x: Value, linear: Linear): LinearResult {
    const graph = this.#graph;
    const matrix = quantizeColumns(linear);
    const raised = graph.node('Add', [x, graph.constant(Float32Array.of(geluOffset), [])]);
    const scale = this.#rowScales(raised, 255);
    const quantized = graph.node('QuantizeLinear', [raised, scale], { axis: 0 });
    const product = this.#multiply(quantized, matrix, 0);
    return { product: graph.node('Mul', [product, this.#column(scale)]), bias: withoutOffset(linear.bias, matrix) };
  }

  head(x: Value): { logits: Value; scales: Value } {
    const { product, scales } = this.#signed(x, quantizeColumns(headOf(this.#weights)), this.#zeroPointsLike(x));
    return { logits: product, scales };
  }

  /**
   * @param zeroPoints  `signedZero` once for each row of x.
   * @returns the product, [rows, outputs], and the factors of its rows, [rows, 1]
   */
  #signed(x: Value, matrix: Matrix, zeroPoints: Value): { product: Value; scales: Value } {
    const scale = this.#rowScales(this.#graph.node('Abs', [x]), 127);
    const quantized = this.#graph.node('QuantizeLinear', [x, scale, zeroPoints], { axis: 0 });
    return { product: this.#multiply(quantized, matrix, signedZero), scales: this.#column(scale) };
  }

  /**
   * Chooses each row's scale so that its largest value is `steps` steps. A row of zeros has the scale 0: its division
   * by 0 gives arbitrary whole numbers, which are multiplied by 0 again.
   * @param sizes  Absolute or non-negative inputs, [rows, inputs].
   * @returns [rows]
   */
  #rowScales(sizes: Value, steps: number): Value {
    const graph = this.#graph;
    const largest = graph.node('ReduceMax', [sizes, graph.constant(BigInt64Array.of(1n))], { keepdims: 0 });
    return graph.node('Mul', [largest, graph.constant(Float32Array.of(1 / steps), [])]);
  }

  #multiply(quantized: Value, { values, scales, inputs, outputs }: Matrix, zeroPoint: number): Value {
    const graph = this.#graph;
    const one = graph.constant(Float32Array.of(1), []);
    const zero = graph.constant(Uint8Array.of(zeroPoint), []);
    const weights = graph.constant(values, [inputs, outputs]);
    const all = [quantized, weights, one, graph.constant(scales), zero];
    return graph.node('MatMulIntegerToFloat', all, {}, microsoftDomain);
  }

  /** [rows] → [rows, 1]. */
  #column(scale: Value): Value {
    return this.#graph.node('Unsqueeze', [scale, this.#graph.constant(BigInt64Array.of(1n))]);
  }

  /** `signedZero` once for each row of x. */
  #zeroPointsLike(x: Value): Value {
    const rows = this.#graph.node('Shape', [x], { start: 0, end: 1 });
    return this.#graph.node('Expand', [this.#graph.constant(Uint8Array.of(signedZero)), rows]);
  }
}

/** Quantizes symmetrically, with one scale for each column. */
function quantizeColumns({ weight, inputs, outputs }: Omit<Linear, 'bias'>): Matrix {
  const scales = new Float32Array(outputs);
  for (let index = 0; index < weight.length; index += 1) {
    const column = index % outputs;
    const size = Math.abs(weight[index] ?? 0) / 127;
    if (size > (scales[column] ?? 0)) scales[column] = size;
  }
  const values = new Int8Array(weight.length);
  for (let index = 0; index < weight.length; index += 1) {
    const scale = scales[index % outputs] ?? 0;
    values[index] = scale === 0 ? 0 : Math.round((weight[index] ?? 0) / scale);
  }
  return { values, scales, inputs, outputs };
}

/** Subtracts from each bias the amount that the offset of the inputs adds to its output. */
function withoutOffset(bias: Float32Array, { values, scales, outputs }: Matrix): Float32Array {
  const sums = new Float64Array(outputs);
  for (const [index, value] of values.entries()) sums[index % outputs] = (sums[index % outputs] ?? 0) + value;
  return bias.map((value, output) => value - geluOffset * (sums[output] ?? 0) * (scales[output] ?? 0));
}

/** The token table transposed and scaled: the head's matrix, [E, V]. */
function headOf({ tokens, headScales, shape }: BalancedWeights): Omit<Linear, 'bias'> {
  const { width, vocabulary } = shape;
  const weight = new Float32Array(tokens.length);
  for (let token = 0; token < vocabulary; token += 1) {
    for (let column = 0; column < width; column += 1) {
      weight[column * vocabulary + token] = (tokens[token * width + column] ?? 0) * (headScales[column] ?? 0);
    }
  }
  return { weight, inputs: width, outputs: vocabulary };
}
