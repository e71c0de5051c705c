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

export const inputNames = { ids: 'ids', position: 'position', last: 'last', laneRows: 'lane_rows' } as const;
export const outputNames = { topValues: 'top_values', topIds: 'top_ids', logits: 'logits' } as const;
export const maskName = (lane: number): string => `mask_${lane}`;
export const pastNames = (layer: number, lane: number): readonly [key: string, value: string] => [
  `past_k_${layer}_${lane}`,
  `past_v_${layer}_${lane}`,
];
export const newNames = (layer: number): readonly [key: string, value: string] => [`new_k_${layer}`, `new_v_${layer}`];

/**
 * Inputs: `ids` [N] and `position` [N] (int32), `last` [B] (int32, the row of N that is each row's last), `lane_rows` [lanes] (int64, rows in each lane;
 * they add up to B); for each lane g with b rows `mask_g` [b, 1, S, S+T] (0 or −∞) and for each layer `past_k_l_g`, `past_v_l_g` [b, H, T, D]. Outputs: `new_k_l`, `new_v_l` [B, H, S, D], `top_values`, `top_ids` [B, topCandidates], `logits` [B, V].
 * @returns the bytes of an .onnx file
 */
export function buildGpt2Graph(weights: Gpt2Weights, dtype: BatchedDtype): Uint8Array<ArrayBuffer> {
  return new Gpt2GraphBuilder(weights, dtype).build();
}

class Gpt2GraphBuilder {
  readonly #graph = new OnnxGraph();
  readonly #weights: Gpt2Weights;
  readonly #dtype: BatchedDtype;
  /** [B, S, H, D] for Reshape. */
  #splitShape: Value = '';
  #mergeShape: Value = '';
  #laneRows: Value = '';
  readonly #lanes: Lane[] = [];
  /** [N] and [B] times 128. */
  #zeroPointN: Value = '';
  #zeroPointB: Value = '';

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
    const last = graph.input(inputNames.last, 'int32', ['B']);
    this.#laneRows = graph.input(inputNames.laneRows, 'int64', [laneSizes(shape.positions).length]);
    for (const [index] of laneSizes(shape.positions).entries()) this.#lanes.push(this.#lane(index));
    const rest = graph.constant(BigInt64Array.of(-1n, BigInt(heads), BigInt(width / heads)));
    this.#splitShape = graph.node('Concat', [graph.node('Shape', [last]), rest], { axis: 0 });
    this.#mergeShape = graph.constant(BigInt64Array.of(-1n, BigInt(width)));

    const zeroPoint = graph.constant(Uint8Array.of(zeroPointValue));
    this.#zeroPointN = graph.node('Expand', [zeroPoint, graph.node('Shape', [ids])]);
    this.#zeroPointB = graph.node('Expand', [zeroPoint, graph.node('Shape', [last])]);

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
    this.#head(graph.node('Gather', [normed, last]), table);
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
    const [q = '', k = '', v = ''] = graph
      .nodes('Split', [joined], { count: 3, attributes: { axis: 1, num_outputs: 3 } })
      .map((part) => this.#splitHeads(part)); // [B, H, S, D]
    const [queries, keys, values] = [q, k, v].map((part) => this.#splitLanes(part)); // each [b, H, S, D]
    const mixed = graph.node(
      'Concat',
      this.#lanes.map((lane, row) =>
        this.#attendLane(lane, { layer: index, q: queries?.[row] ?? '', k: keys?.[row] ?? '', v: values?.[row] ?? '' }),
      ),
      { axis: 0 },
    ); // [B, H, S, D]
    const [newKeyName, newValueName] = newNames(index);
    const newDims = ['B', heads, 'S', width / heads];
    graph.output(k, newKeyName, 'float32', newDims);
    graph.output(v, newValueName, 'float32', newDims);
    const merged = graph.node('Reshape', [graph.node('Transpose', [mixed], { perm: [0, 2, 1, 3] }), this.#mergeShape]);
    return this.#linear(merged, layer.projection);
  }

  /** Attention of one lane's rows over their new positions and their past, [b, H, S, D]. */
  #attendLane(
    { index, mask, sizes }: Lane,
    { layer, q, k, v }: { layer: number; q: Value; k: Value; v: Value },
  ): Value {
    const graph = this.#graph;
    const [pastK, pastV] = this.#pastOf(layer, index);
    const transposed = { transB: 1 };
    const scores = graph.node(
      'Concat',
      [
        graph.node('FusedMatMul', [q, k], transposed, microsoftDomain), // [b, H, S, S]
        graph.node('FusedMatMul', [q, pastK], transposed, microsoftDomain), // [b, H, S, T]
      ],
      { axis: 3 },
    );
    const shares = graph.node('Softmax', [graph.node('Add', [scores, mask])], { axis: 3 });
    const [newShares = '', pastShares = ''] = graph.nodes('Split', [shares, sizes], {
      count: 2,
      attributes: { axis: 3 },
    });
    return graph.node('Add', [graph.node('MatMul', [newShares, v]), graph.node('MatMul', [pastShares, pastV])]);
  }

  #lane(index: number): Lane {
    const mask = this.#graph.input(maskName(index), 'float32', [`b${index}`, 1, 'S', `J${index}`]);
    // The mask's rows are S, its columns S + T.
    const steps = this.#sizeOf(mask, 2);
    const past = this.#graph.node('Sub', [this.#sizeOf(mask, 3), steps]);
    return { index, mask, sizes: this.#graph.node('Concat', [steps, past], { axis: 0 }) };
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

  /** [N, E] → [B, H, S, D]. */
  #splitHeads(x: Value): Value {
    return this.#graph.node('Transpose', [this.#graph.node('Reshape', [x, this.#splitShape])], { perm: [0, 2, 1, 3] });
  }

  /** The size of one axis, shape [1]. */
  #sizeOf(x: Value, axis: number): Value {
    return this.#graph.node('Shape', [x], { start: axis, end: axis + 1 });
  }

  /** [N, inputs] → [N, outputs], without the bias. */
  #linear(x: Value, linear: Linear): Value {
    const { weight, inputs, outputs } = linear;
    if (this.#dtype === 'fp32') return this.#graph.node('MatMul', [x, this.#graph.constant(weight, [inputs, outputs])]);
    return this.#quantizedLinear(x, quantizeColumns(linear), this.#zeroPointN);
  }

  /**
   * Row-wise int8: each row of x has a scale of its own, so that no row's result depends on another row.
   * @param zeroPoint  128 for each row of x
   */
  #quantizedLinear(x: Value, { values, scales, inputs, outputs }: QuantizedLinear, zeroPoint: Value): Value {
    const graph = this.#graph;
    const largest = graph.node('ReduceMax', [graph.node('Abs', [x]), graph.constant(BigInt64Array.of(1n))], {
      keepdims: 0,
    });
    // A row of zeros must not divide by zero.
    const scale = graph.node('Max', [
      graph.node('Mul', [largest, graph.constant(Float32Array.of(1 / 127))]),
      graph.constant(Float32Array.of(1e-12)),
    ]);
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
    return graph.node('Mul', [product, graph.node('Unsqueeze', [scale, graph.constant(BigInt64Array.of(1n))])]);
  }

  /** [B, E] → logits and the top of them. */
  #head(x: Value, table: Value): void {
    const graph = this.#graph;
    const { vocabulary } = this.#weights.shape;
    const logits =
      this.#dtype === 'fp32'
        ? graph.node('Gemm', [x, table], { transB: 1 })
        : this.#quantizedLinear(x, quantizeColumns(headOf(this.#weights)), this.#zeroPointB);
    const count = Math.min(topCandidates, vocabulary);
    const [values = '', indices = ''] = graph.nodes('TopK', [logits, graph.constant(BigInt64Array.of(BigInt(count)))], {
      count: 2,
      attributes: { axis: 1 },
    });
    graph.output(values, outputNames.topValues, 'float32', ['B', count]);
    graph.output(graph.node('Cast', [indices], { to: 6 }), outputNames.topIds, 'int32', ['B', count]);
    graph.output(logits, outputNames.logits, 'float32', ['B', vocabulary]);
  }
}

interface Lane {
  readonly index: number;
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
