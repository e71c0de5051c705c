/**
 * Linear layers in int8: weights with a scale for each column, inputs with a scale for each row, so that no row's result depends on another row. The products
 * are whole numbers, exact in any order: a row is computed to the same bits alone and among others.
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

/** What uint8 means by 0 where numbers have both signs, and how many steps there are from it to the largest. */
const signed = { zeroPoint: 128, steps: 127 };
/** After GELU: all of uint8 above the smallest number that there is. */
const unsigned = { zeroPoint: 0, steps: 255 };
/** gelu_new(x) ≥ −0.17004; what is below −0.17 becomes that. */
const geluOffset = 0.17;

export class Int8Layers implements GraphLayers {
  readonly #graph: OnnxGraph;
  readonly #weights: BalancedWeights;

  constructor(graph: OnnxGraph, weights: BalancedWeights) {
    this.#graph = graph;
    this.#weights = weights;
  }

  /** The table in float16: half the memory, for an error of 2⁻¹¹ at most. */
  embed(ids: Value): Value {
    const { tokens, shape } = this.#weights;
    const table = this.#graph.constant(new Float16Array(tokens), [shape.vocabulary, shape.width]);
    return this.#graph.node('Cast', [this.#graph.node('Gather', [table, ids])], { to: 1 });
  }

  linear(x: Value, linear: Linear): LinearResult {
    const size = this.#graph.node('Abs', [x]);
    const { product, scales } = this.#multiply(x, { size, matrix: quantizeColumns(linear), ...signed });
    return { product: this.#graph.node('Mul', [product, scales]), bias: linear.bias };
  }

  linearAfterGelu(x: Value, linear: Linear): LinearResult {
    const graph = this.#graph;
    const matrix = quantizeColumns(linear);
    const raised = graph.node('Add', [x, graph.constant(Float32Array.of(geluOffset), [])]);
    const { product, scales } = this.#multiply(raised, { size: raised, matrix, ...unsigned });
    return { product: graph.node('Mul', [product, scales]), bias: withoutOffset(linear.bias, matrix) };
  }

  head(x: Value): { logits: Value; scales: Value } {
    const size = this.#graph.node('Abs', [x]);
    const { product, scales } = this.#multiply(x, { size, matrix: quantizeColumns(headOf(this.#weights)), ...signed });
    return { logits: product, scales };
  }

  /**
   * @param how  `size`: of each number of x.
   * @returns the product [N, outputs], and what its rows are to be multiplied by, [N, 1]
   */
  #multiply(
    x: Value,
    { size, matrix, zeroPoint, steps }: { size: Value; matrix: Matrix; zeroPoint: number; steps: number },
  ): { product: Value; scales: Value } {
    const graph = this.#graph;
    const axis = graph.constant(BigInt64Array.of(1n));
    const largest = graph.node('ReduceMax', [size, axis], { keepdims: 0 }); // [N]
    // A row of zeros divides by zero, but whatever whole numbers that gives are multiplied by its scale, which is 0.
    const scales = graph.node('Mul', [largest, graph.constant(Float32Array.of(1 / steps), [])]);
    const zeroPoints = graph.node('Expand', [graph.constant(Uint8Array.of(zeroPoint)), graph.node('Shape', [scales])]);
    const quantized = graph.node('QuantizeLinear', [x, scales, zeroPoints], { axis: 0 });
    const inputs = [
      quantized,
      graph.constant(matrix.values, [matrix.inputs, matrix.outputs]),
      graph.constant(Float32Array.of(1), []),
      graph.constant(matrix.scales),
      graph.constant(Uint8Array.of(zeroPoint), []),
    ];
    const product = graph.node('MatMulIntegerToFloat', inputs, {}, microsoftDomain);
    return { product, scales: graph.node('Unsqueeze', [scales, axis]) };
  }
}

/** Symmetric, with one scale a column. */
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

/** Takes back what raising all inputs by the offset adds to each output. */
function withoutOffset(bias: Float32Array, { values, scales, outputs }: Matrix): Float32Array {
  const sums = new Float64Array(outputs);
  for (const [index, value] of values.entries()) sums[index % outputs] = (sums[index % outputs] ?? 0) + value;
  return bias.map((value, output) => value - geluOffset * (sums[output] ?? 0) * (scales[output] ?? 0));
}

/** The table of tokens as a matrix from width to vocabulary. */
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
