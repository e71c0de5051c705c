/**
 * GPT-2 as an ONNX graph for exactly this loop: it takes the past keys and values and gives back only the new ones.
 * B rows, S new positions a row (N = B·S, kept two-dimensional), T past positions, E width, H heads, D = E / H, V vocabulary.
 * The rows stand lane by lane, and each lane has a T of its own; everything but attention computes all rows at once.
 *
 * Attention is in two parts, over the new positions and over the past, because joining the past with the new rows would copy all of
 * it at each step. The new part comes first in the joined scores, so that where a score stands does not depend on T.
 */
import { topCandidates } from '../sampling/sampling.ts';
import type { Gpt2Layer, Gpt2Weights, Linear, Norm } from './gpt2-weights.ts';
import { laneSizes } from './kv-lane.ts';
import { microsoftDomain, OnnxGraph, type Value } from './onnx-graph.ts';

export type BatchedDtype = 'fp32' | 'int8';

/** What uint8 means by 0. */
const zeroPointValue = 128;

export const inputNames = { ids: 'ids', position: 'position', wanted: 'wanted', laneRows: 'lane_rows' } as const;
export const outputNames = {
  topValues: 'top_values',
  topIds: 'top_ids',
  logits: 'logits',
  logitScales: 'logit_scales',
} as const;
export const maskName = (lane: number): string => `mask_${lane}`;
export const pastNames = (layer: number, lane: number): readonly [key: string, value: string] => [
  `past_k_${layer}_${lane}`,
  `past_v_${layer}_${lane}`,
];
export const newNames = (layer: number): readonly [key: string, value: string] => [`new_k_${layer}`, `new_v_${layer}`];

/**
 * Inputs: `ids` [N] and `position` [N] (int32), `wanted` [L] (int32: those of the N whose next token is asked for, in generation each row's last), `lane_rows` [lanes] (int64, rows in each lane;
 * they add up to B); for each lane g with b rows `mask_g` [b, 1, S, S+T] (0 or −∞) and for each layer `past_k_l_g`, `past_v_l_g` [b, H, T, D]. Outputs: `new_k_l`, `new_v_l` [B, H, S, D], `top_values`, `top_ids` [L, topCandidates], `logits` [L, V], in int8 to be multiplied by `logit_scales` [L, 1].
 * @returns the bytes of an .onnx file
 */
export function buildGpt2Graph(weights: Gpt2Weights, dtype: BatchedDtype): Uint8Array<ArrayBuffer> {
  return new Gpt2GraphBuilder(weights, dtype).build();
}

class Gpt2GraphBuilder {
  readonly #graph = new OnnxGraph();
  readonly #weights: Gpt2Weights;
  readonly #dtype: BatchedDtype;
  /** [B, S, 3H, D] for Reshape. */
  #splitShape: Value = '';
  #mergeShape: Value = '';
  #laneRows: Value = '';
  readonly #lanes: Lane[] = [];
  /** [N] and [L] times 128. */
  #zeroPointN: Value = '';
  #zeroPointL: Value = '';

  constructor(weights: Gpt2Weights, dtype: BatchedDtype) {
    this.#weights = weights;
    this.#dtype = dtype;
  }

  build(): Uint8Array<ArrayBuffer> {
    const graph = this.#graph;
    const { shape, tokens, positions, layers, finalNorm } = this.#weights;
    const { width, heads, vocabulary } = shape;
    const ids = graph.input(inputNames.ids, 'int32', ['N']);
    const position = graph.input(inputNames.position, 'int32', ['N']);
    const wanted = graph.input(inputNames.wanted, 'int32', ['L']);
    this.#laneRows = graph.input(inputNames.laneRows, 'int64', [laneSizes(shape.positions).length]);
    for (const [index] of laneSizes(shape.positions).entries()) this.#lanes.push(this.#lane(index));
    const rest = graph.constant(BigInt64Array.of(-1n, BigInt(3 * heads), BigInt(width / heads)));
    this.#splitShape = graph.node('Concat', [graph.node('ReduceSum', [this.#laneRows]), rest], { axis: 0 });
    this.#mergeShape = graph.constant(BigInt64Array.of(-1n, BigInt(width)));

    const zeroPoint = graph.constant(Uint8Array.of(zeroPointValue));
    this.#zeroPointN = graph.node('Expand', [zeroPoint, graph.node('Shape', [ids])]);
    this.#zeroPointL = graph.node('Expand', [zeroPoint, graph.node('Shape', [wanted])]);

    const table = graph.constant(tokens, [vocabulary, width]);
    const embedded = graph.node('Gather', [table, ids]);
    const placed = graph.node('Gather', [graph.constant(positions, [shape.positions, width]), position]);
    let { normed, sum } = this.#norm(embedded, placed, layers[0]?.attentionNorm ?? finalNorm, null);
    for (const [index, layer] of layers.entries()) {
      const attended = this.#attention(normed, layer, index);
      ({ normed, sum } = this.#norm(attended, sum, layer.mlpNorm, layer.projection.bias));
      const inner = this.#linear(normed, layer.mlpIn);
      const active = graph.node('FastGelu', [inner, graph.constant(layer.mlpIn.bias)], {}, microsoftDomain);
      const out = this.#linear(active, layer.mlpOut);
      ({ normed, sum } = this.#norm(out, sum, layers[index + 1]?.attentionNorm ?? finalNorm, layer.mlpOut.bias));
    }
    this.#head(graph.node('Gather', [normed, wanted]), table);
    return graph.finish('gpt2');
  }

  /** LayerNorm of a + b + bias, and that sum. */
  #norm(a: Value, b: Value, { gain, bias }: Norm, added: Float32Array | null): { normed: Value; sum: Value } {
    const graph = this.#graph;
    const inputs = [
      a,
      b,
      graph.constant(gain),
      graph.constant(bias),
      ...(added === null ? [] : [graph.constant(added)]),
    ];
    const [normed = '', , , sum = ''] = graph.nodes('SkipLayerNormalization', inputs, {
      count: 4,
      attributes: { epsilon: { float: this.#weights.shape.epsilon } },
      domain: microsoftDomain,
    });
    return { normed, sum };
  }

  /** [N, E] → [N, E], without the projection's bias. */
  #attention(x: Value, layer: Gpt2Layer, index: number): Value {
    const graph = this.#graph;
    const { heads, width } = this.#weights.shape;
    const scaled = scaleQueries(layer.attention, Math.sqrt(width / heads));
    const joined = graph.node('Add', [this.#linear(x, scaled), graph.constant(scaled.bias)]);
    const perHead = graph.node('Transpose', [graph.node('Reshape', [joined, this.#splitShape])], {
      perm: [0, 2, 1, 3],
    }); // [B, 3H, S, D]
    const [q = '', k = '', v = ''] = graph.nodes('Split', [perHead], {
      count: 3,
      attributes: { axis: 1, num_outputs: 3 },
    });
    const [newKeyName, newValueName] = newNames(index);
    const newDims = ['B', heads, 'S', width / heads];
    graph.output(k, newKeyName, 'float32', newDims);
    graph.output(v, newValueName, 'float32', newDims);

    const newScores = this.#splitLanes(graph.node('FusedMatMul', [q, k], { transB: 1 }, microsoftDomain)); // [b, H, S, S]
    const lanes = this.#splitLanes(q).map((queries, lane) =>
      this.#attendPast({ layer: index, lane, queries, newScores: newScores[lane] ?? '' }),
    );
    const newShares = graph.node(
      'Concat',
      lanes.map(({ shares }) => shares),
      { axis: 0 },
    ); // [B, H, S, S]
    const ofPast = graph.node(
      'Concat',
      lanes.map(({ mixed }) => mixed),
      { axis: 0 },
    ); // [B, H, S, D]
    const mixed = graph.node('Add', [graph.node('MatMul', [newShares, v]), ofPast]);
    const merged = graph.node('Reshape', [graph.node('Transpose', [mixed], { perm: [0, 2, 1, 3] }), this.#mergeShape]);
    return this.#linear(merged, layer.projection);
  }

  /** What one lane's rows take of their past, [b, H, S, D], and what share is left to the new positions, [b, H, S, S]. */
  #attendPast(of: { layer: number; lane: number; queries: Value; newScores: Value }): { mixed: Value; shares: Value } {
    const graph = this.#graph;
    const [pastK, pastV] = this.#pastOf(of.layer, of.lane);
    const { mask = '', sizes = '' } = this.#lanes[of.lane] ?? {};
    const pastScores = graph.node('FusedMatMul', [of.queries, pastK], { transB: 1 }, microsoftDomain); // [b, H, S, T]
    const scores = graph.node('Add', [graph.node('Concat', [of.newScores, pastScores], { axis: 3 }), mask]);
    const [shares = '', pastShares = ''] = graph.nodes('Split', [graph.node('Softmax', [scores], { axis: 3 }), sizes], {
      count: 2,
      attributes: { axis: 3 },
    });
    return { mixed: graph.node('MatMul', [pastShares, pastV]), shares };
  }

  #lane(index: number): Lane {
    const mask = this.#graph.input(maskName(index), 'float32', [`b${index}`, 1, 'S', `J${index}`]);
    // The mask's rows are S, its columns S + T.
    const steps = this.#sizeOf(mask, 2);
    const past = this.#graph.node('Sub', [this.#sizeOf(mask, 3), steps]);
    return { mask, sizes: this.#graph.node('Concat', [steps, past], { axis: 0 }) };
  }

  #pastOf(layer: number, lane: number): readonly [Value, Value] {
    const { heads, width } = this.#weights.shape;
    const dims = [`b${lane}`, heads, `T${lane}`, width / heads];
    const [keyName, valueName] = pastNames(layer, lane);
    return [this.#graph.input(keyName, 'float32', dims), this.#graph.input(valueName, 'float32', dims)];
  }

  #splitLanes(x: Value): readonly Value[] {
    return this.#graph.nodes('Split', [x, this.#laneRows], { count: this.#lanes.length, attributes: { axis: 0 } });
  }

  /** The size of one axis, shape [1]. */
  #sizeOf(x: Value, axis: number): Value {
    return this.#graph.node('Shape', [x], { start: axis, end: axis + 1 });
  }

  /** [N, inputs] → [N, outputs], without the bias. */
  #linear(x: Value, linear: Linear): Value {
    const { weight, inputs, outputs } = linear;
    if (this.#dtype === 'fp32') return this.#graph.node('MatMul', [x, this.#graph.constant(weight, [inputs, outputs])]);
    const { product, scale } = this.#quantizedProduct(x, quantizeColumns(linear), this.#zeroPointN);
    return this.#graph.node('Mul', [product, scale]);
  }

  /**
   * Row-wise int8: each row of x has a scale of its own, so that no row's result depends on another row.
   * @param zeroPoint  128 for each row of x
   * @returns what remains to be multiplied: [N, outputs] and [N, 1]
   */
  #quantizedProduct(
    x: Value,
    { values, scales, inputs, outputs }: QuantizedLinear,
    zeroPoint: Value,
  ): { product: Value; scale: Value } {
    const graph = this.#graph;
    const largest = graph.node('ReduceMax', [graph.node('Abs', [x]), graph.constant(BigInt64Array.of(1n))], {
      keepdims: 0,
    });
    // A row of zeros divides by zero, but whatever whole numbers that gives are multiplied by its scale, which is 0.
    const scale = graph.node('Mul', [largest, graph.constant(Float32Array.of(1 / 127))]);
    const quantized = graph.node('QuantizeLinear', [x, scale, zeroPoint], { axis: 0 });
    const product = graph.node(
      'MatMulIntegerToFloat',
      [
        quantized,
        graph.constant(values, [inputs, outputs]),
        graph.constant(Float32Array.of(1), []),
        graph.constant(scales),
        graph.constant(Uint8Array.of(zeroPointValue), []),
      ],
      {},
      microsoftDomain,
    );
    return { product, scale: graph.node('Unsqueeze', [scale, graph.constant(BigInt64Array.of(1n))]) };
  }

  /** [L, E] → logits and the top of them. In int8 the logits come before their row's scale, which does not change their order. */
  #head(x: Value, table: Value): void {
    const graph = this.#graph;
    const { vocabulary } = this.#weights.shape;
    const { product: logits, scale } =
      this.#dtype === 'fp32'
        ? { product: graph.node('Gemm', [x, table], { transB: 1 }), scale: null }
        : this.#quantizedProduct(x, quantizeColumns(headOf(this.#weights)), this.#zeroPointL);
    if (scale !== null) graph.output(scale, outputNames.logitScales, 'float32', ['L', 1]);
    const count = Math.min(topCandidates, vocabulary);
    const [values = '', indices = ''] = graph.nodes('TopK', [logits, graph.constant(BigInt64Array.of(BigInt(count)))], {
      count: 2,
      attributes: { axis: 1 },
    });
    graph.output(scale === null ? values : graph.node('Mul', [values, scale]), outputNames.topValues, 'float32', [
      'L',
      count,
    ]);
    graph.output(graph.node('Cast', [indices], { to: 6 }), outputNames.topIds, 'int32', ['L', count]);
    graph.output(logits, outputNames.logits, 'float32', ['L', vocabulary]);
  }
}

interface Lane {
  readonly mask: Value;
  /** S and T. */
  readonly sizes: Value;
}

interface QuantizedLinear {
  /** Shape [inputs, outputs]. */
  readonly values: Int8Array;
  /** Shape [outputs]. */
  readonly scales: Float32Array;
  readonly inputs: number;
  readonly outputs: number;
}

/** Symmetric int8 with one scale a column. */
function quantizeColumns({ weight, inputs, outputs }: Pick<Linear, 'weight' | 'inputs' | 'outputs'>): QuantizedLinear {
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

/** The table of tokens as a matrix from width to vocabulary. */
function headOf({ tokens, shape }: Gpt2Weights): Pick<Linear, 'weight' | 'inputs' | 'outputs'> {
  const { width, vocabulary } = shape;
  const weight = new Float32Array(tokens.length);
  for (let token = 0; token < vocabulary; token += 1) {
    for (let column = 0; column < width; column += 1) {
      weight[column * vocabulary + token] = tokens[token * width + column] ?? 0;
    }
  }
  return { weight, inputs: width, outputs: vocabulary };
}

/** Attention's 1/√D inside the weights of the queries: exact where √D is a power of two. */
function scaleQueries({ weight, bias, inputs, outputs }: Linear, divisor: number): Linear {
  const width = outputs / 3;
  const scale = (values: Float32Array): Float32Array =>
    values.map((value, index) => (index % outputs < width ? value / divisor : value));
  return { weight: scale(weight), bias: scale(bias), inputs, outputs };
}
