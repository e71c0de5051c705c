/**
 * GPT-2 as an ONNX graph for exactly this loop: it takes the past keys and values and gives back only the new ones.
 *
 * N new positions stand in two sections. First R rows that go on, one position each, lane by lane; each of the G lanes has b rows and a past of its own
 * length T. Where all R are in the first lane, the others are not computed. Then C prompts that begin, S positions each, with a past of T' if an earlier chunk of them is done. Everything but attention computes all N at
 * once. E width, H heads, D = E / H, V vocabulary, L positions whose next token is wanted.
 *
 * Attention is in two parts, over the new positions and over the past, because joining the past with the new ones would copy all of it at each step. The
 * new part comes first in the joined scores, so that where a score stands does not depend on T.
 *
 * | input | type | shape |
 * |---|---|---|
 * | ids, position | int32 | [N] |
 * | wanted | int32 | [L], of the N |
 * | sections | int64 | [2]: R, C·S |
 * | lane_rows | int64 | [G]: b of each lane |
 * | mask_g | float32 | [b, 1, 1, 1+T]: 0 or −∞ |
 * | past_l_g_k, past_l_g_v | float32 | [b, H, T, D] |
 * | prompt_shape | int64 | [4]: C, S, 3H, D |
 * | prompt_mask | float32 | [1, 1, S, S+T'] |
 * | prompt_past_l_k, prompt_past_l_v | float32 | [C, H, T', D] |
 *
 * | output | type | shape |
 * |---|---|---|
 * | new_l_k, new_l_v | float32 | [R, H, 1, D] |
 * | prompt_l_k, prompt_l_v | float32 | [C, H, S, D] |
 * | top_values, top_ids | float32, int32 | [L, topCandidates], largest first |
 * | logits | float32 | [L, V], in int8 to be multiplied by `logit_scales` [L, 1] |
 */
import type { OnShare } from '../load-progress.ts';
import { topCandidates } from '../sampling/sampling.ts';
import { Fp32Layers } from './fp32-layers.ts';
import type { GraphLayers } from './graph-layers.ts';
import { inputNames, maskName, newNames, outputNames, pastNames, promptNames, promptPastNames } from './graph-names.ts';
import type { Gpt2Layer, Gpt2Weights, Norm } from './gpt2-weights.ts';
import { laneSizes } from './lane-sizes.ts';
import { microsoftDomain, OnnxGraph, type Value } from './onnx-graph.ts';

/** @returns the bytes of an .onnx file */
export function buildGpt2Graph(
  weights: Gpt2Weights,
  layersOf: (graph: OnnxGraph, weights: Gpt2Weights) => GraphLayers,
  onShare: OnShare = () => undefined,
): Uint8Array<ArrayBuffer> {
  const graph = new OnnxGraph();
  return new Gpt2GraphBuilder(graph, weights, layersOf(graph, weights)).build(onShare);
}

export const buildFp32Graph = (weights: Gpt2Weights, onShare?: OnShare): Uint8Array<ArrayBuffer> =>
  buildGpt2Graph(weights, (graph) => new Fp32Layers(graph, weights), onShare);

/** New positions of one section, [b, H, S, D]. */
interface Heads {
  readonly queries: Value;
  readonly keys: Value;
  readonly values: Value;
}

/** The new positions' shares in each other, [b, H, S, S], and what they take of the past, [b, H, S, D]. */
type Attended = readonly [shares: Value, mixed: Value];

interface Past {
  readonly keys: Value;
  readonly values: Value;
  readonly mask: Value;
  /** How many new and how many past positions a row of the mask is about, [2]. */
  readonly sizes: Value;
}

class Gpt2GraphBuilder {
  readonly #graph: OnnxGraph;
  readonly #weights: Gpt2Weights;
  readonly #layers: GraphLayers;
  readonly #sections: Value;
  readonly #laneRows: Value;
  readonly #isOneLane: Value;
  readonly #lanes: readonly Pick<Past, 'mask' | 'sizes'>[];
  readonly #prompts: Pick<Past, 'mask' | 'sizes'>;
  readonly #promptShape: Value;
  /** [R, 3H, 1, D], [N, E] for Reshape. */
  readonly #rowShape: Value;
  readonly #flatShape: Value;

  constructor(graph: OnnxGraph, weights: Gpt2Weights, layers: GraphLayers) {
    this.#graph = graph;
    this.#weights = weights;
    this.#layers = layers;
    const { positions, heads, width } = weights.shape;
    const lanes = laneSizes(positions);
    this.#sections = graph.input(inputNames.sections, 'int64', [2]);
    this.#laneRows = graph.input(inputNames.laneRows, 'int64', [lanes.length]);
    // The nodes of lanes without rows would take a sixth of the step of a single text.
    this.#isOneLane = graph.node('Equal', [this.#first(this.#laneRows), this.#first(this.#sections)]);
    this.#lanes = lanes.map((_, lane) => this.#masked(maskName(lane), [`b${lane}`, 1, 1, `J${lane}`]));
    this.#prompts = this.#masked(inputNames.promptMask, [1, 1, 'S', 'J']);
    this.#promptShape = graph.input(inputNames.promptShape, 'int64', [4]);
    this.#rowShape = graph.constant(BigInt64Array.of(-1n, BigInt(3 * heads), 1n, BigInt(width / heads)));
    this.#flatShape = graph.constant(BigInt64Array.of(-1n, BigInt(width)));
  }

  build(onShare: OnShare): Uint8Array<ArrayBuffer> {
    const graph = this.#graph;
    const { shape, positions, layers, finalNorm } = this.#weights;
    const ids = graph.input(inputNames.ids, 'int32', ['N']);
    const position = graph.input(inputNames.position, 'int32', ['N']);
    const wanted = graph.input(inputNames.wanted, 'int32', ['L']);
    const places = graph.node('Gather', [graph.constant(positions, [shape.positions, shape.width]), position]);
    let sum = graph.node('Add', [this.#layers.embed(ids), places]); // [N, E]
    for (const [index, layer] of layers.entries()) {
      sum = graph.node('Add', [sum, this.#attention(this.#norm(sum, layer.attentionNorm), layer, index)]);
      sum = graph.node('Add', [sum, this.#mlp(this.#norm(sum, layer.mlpNorm), layer)]);
      onShare((index + 1) / (shape.layers + 2));
    }
    this.#head(graph.node('Gather', [this.#norm(sum, finalNorm), wanted]));
    onShare((shape.layers + 1) / (shape.layers + 2));
    const bytes = graph.finish('gpt2');
    onShare(1);
    return bytes;
  }

  /** The operator that adds as well, SkipLayerNormalization, takes four times as long as this one and the additions. */
  #norm(x: Value, { gain, bias }: Norm): Value {
    const attributes = { axis: -1, epsilon: { float: this.#weights.shape.epsilon } };
    return this.#graph.node(
      'LayerNormalization',
      [x, this.#graph.constant(gain), this.#graph.constant(bias)],
      attributes,
    );
  }

  #mlp(x: Value, layer: Gpt2Layer): Value {
    const graph = this.#graph;
    const inner = this.#layers.linear(x, layer.mlpIn);
    const active = graph.node('FastGelu', [inner.product, graph.constant(inner.bias)], {}, microsoftDomain);
    return this.#biased(this.#layers.linearAfterGelu(active, layer.mlpOut));
  }

  /** [N, E] → [N, E]. */
  #attention(x: Value, layer: Gpt2Layer, index: number): Value {
    const graph = this.#graph;
    const joined = this.#biased(this.#layers.linear(x, scaleQueries(layer.attention, this.#weights.shape)));
    const [rows = '', prompts = ''] = graph.nodes('Split', [joined, this.#sections], {
      count: 2,
      attributes: { axis: 0 },
    });
    const mixed = [this.#attendRows(rows, index), this.#attendPrompts(prompts, index)].map((part) =>
      graph.node('Reshape', [part, this.#flatShape], { allowzero: 1 }),
    );
    return this.#biased(this.#layers.linear(graph.node('Concat', mixed, { axis: 0 }), layer.projection));
  }

  /** [R, 3E] → [R, H, 1, D]: each lane on its own past. */
  #attendRows(joined: Value, index: number): Value {
    const graph = this.#graph;
    const rows = this.#splitHeads(graph.node('Reshape', [joined, this.#rowShape]));
    this.#outputNew(rows, newNames(index), ['R', 1]);
    // Of one position with itself: as a matrix product this takes ten times as long.
    const products = graph.node('Mul', [rows.queries, rows.keys]);
    const ownScores = graph.node('ReduceSum', [products, graph.constant(BigInt64Array.of(3n))], { keepdims: 1 });
    const pasts = this.#lanes.map((lane, number) => ({
      ...lane,
      ...this.#past(pastNames(index, number), [`b${number}`, `T${number}`]),
    }));
    const [shares = '', mixed = ''] = graph.either(
      this.#isOneLane,
      {
        ifTrue: () => pasts.slice(0, 1).flatMap((past) => this.#attendPast(rows.queries, ownScores, past)),
        ifFalse: () => this.#attendLanes(rows.queries, ownScores, pasts),
      },
      ['float32', 'float32'],
    );
    return graph.node('Add', [graph.node('Mul', [shares, rows.values]), mixed]);
  }

  /** As `attendPast`, each lane's rows on its past. */
  #attendLanes(queries: Value, ownScores: Value, pasts: readonly Past[]): Attended {
    const laneQueries = this.#splitLanes(queries);
    const laneScores = this.#splitLanes(ownScores); // [b, H, 1, 1] each
    const parts = pasts.map((past, lane) => this.#attendPast(laneQueries[lane] ?? '', laneScores[lane] ?? '', past));
    const join = (values: readonly Value[]): Value => this.#graph.node('Concat', values, { axis: 0 });
    return [join(parts.map(([shares]) => shares)), join(parts.map(([, mixed]) => mixed))];
  }

  /** [C·S, 3E] → [C, S, H, D]. */
  #attendPrompts(joined: Value, index: number): Value {
    const graph = this.#graph;
    const shaped = graph.node('Reshape', [joined, this.#promptShape], { allowzero: 1 });
    const prompts = this.#splitHeads(graph.node('Transpose', [shaped], { perm: [0, 2, 1, 3] }));
    this.#outputNew(prompts, promptNames(index), ['C', 'S']);
    const past = { ...this.#prompts, ...this.#past(promptPastNames(index), ['C', 'T']) };
    const [shares, mixed] = this.#attendPast(prompts.queries, this.#scores(prompts.queries, prompts.keys), past);
    const all = graph.node('Add', [graph.node('MatMul', [shares, prompts.values]), mixed]);
    return graph.node('Transpose', [all], { perm: [0, 2, 1, 3] });
  }

  #attendPast(queries: Value, newScores: Value, past: Past): Attended {
    const graph = this.#graph;
    const joined = graph.node('Concat', [newScores, this.#scores(queries, past.keys)], { axis: 3 }); // [b, H, S, S+T]
    const allShares = graph.node('Softmax', [graph.node('Add', [joined, past.mask])], { axis: 3 });
    const [shares = '', pastShares = ''] = graph.nodes('Split', [allShares, past.sizes], {
      count: 2,
      attributes: { axis: 3 },
    });
    return [shares, graph.node('MatMul', [pastShares, past.values])];
  }

  /** [L, E] → logits and the top of them. */
  #head(x: Value): void {
    const graph = this.#graph;
    const { vocabulary } = this.#weights.shape;
    const { logits, scales } = this.#layers.head(x);
    const count = Math.min(topCandidates, vocabulary);
    const [values = '', indices = ''] = graph.nodes('TopK', [logits, graph.constant(BigInt64Array.of(BigInt(count)))], {
      count: 2,
      attributes: { axis: 1 },
    });
    // A scale is the same for the whole row: it does not change the order.
    const topValues = scales === null ? values : graph.node('Mul', [values, scales]);
    graph.output(topValues, outputNames.topValues, 'float32', ['L', count]);
    graph.output(graph.node('Cast', [indices], { to: 6 }), outputNames.topIds, 'int32', ['L', count]);
    graph.output(logits, outputNames.logits, 'float32', ['L', vocabulary]);
    if (scales !== null) graph.output(scales, outputNames.logitScales, 'float32', ['L', 1]);
  }

  #biased({ product, bias }: { product: Value; bias: Float32Array }): Value {
    return this.#graph.node('Add', [product, this.#graph.constant(bias)]);
  }

  #scores(queries: Value, keys: Value): Value {
    return this.#graph.node('FusedMatMul', [queries, keys], { transB: 1 }, microsoftDomain);
  }

  /** [b, 3H, S, D] → three times [b, H, S, D]. */
  #splitHeads(x: Value): Heads {
    const attributes = { axis: 1, num_outputs: 3 };
    const [queries = '', keys = '', values = ''] = this.#graph.nodes('Split', [x], { count: 3, attributes });
    return { queries, keys, values };
  }

  #first(x: Value): Value {
    return this.#graph.node('Gather', [x, this.#graph.constant(BigInt64Array.of(0n))]);
  }

  #splitLanes(x: Value): readonly Value[] {
    return this.#graph.nodes('Split', [x, this.#laneRows], { count: this.#lanes.length, attributes: { axis: 0 } });
  }

  #outputNew(
    { keys, values }: Heads,
    [keyName, valueName]: readonly [string, string],
    [b, s]: [string, string | number],
  ): void {
    const { heads, width } = this.#weights.shape;
    const dims = [b, heads, s, width / heads];
    this.#graph.output(keys, keyName, 'float32', dims);
    this.#graph.output(values, valueName, 'float32', dims);
  }

  #masked(name: string, dims: readonly (string | number)[]): Pick<Past, 'mask' | 'sizes'> {
    const graph = this.#graph;
    const mask = graph.input(name, 'float32', dims);
    const [steps, all] = [2, 3].map((axis) => graph.node('Shape', [mask], { start: axis, end: axis + 1 }));
    const past = graph.node('Sub', [all ?? '', steps ?? '']);
    return { mask, sizes: graph.node('Concat', [steps ?? '', past], { axis: 0 }) };
  }

  #past(
    [keyName, valueName]: readonly [string, string],
    [b, t]: readonly [string, string],
  ): Pick<Past, 'keys' | 'values'> {
    const { heads, width } = this.#weights.shape;
    const dims = [b, heads, t, width / heads];
    return { keys: this.#graph.input(keyName, 'float32', dims), values: this.#graph.input(valueName, 'float32', dims) };
  }
}

/** Attention's 1/√D inside the weights of the queries: exact where √D is a power of two. */
function scaleQueries(
  { weight, bias, inputs, outputs }: Gpt2Layer['attention'],
  { width, heads }: Gpt2Weights['shape'],
): Gpt2Layer['attention'] {
  const divisor = Math.sqrt(width / heads);
  const scale = (values: Float32Array): Float32Array =>
    values.map((value, index) => (index % outputs < width ? value / divisor : value));
  return { weight: scale(weight), bias: scale(bias), inputs, outputs };
}
