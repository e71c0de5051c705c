/**
 * GPT-2 as an ONNX graph for the batch loop: its inputs are the past keys and values, its outputs only the new ones.
 *
 * The N new positions form two sections. The first section has R running rows of one position each, ordered by lane.
 * Each of the G lanes has b rows and a past of its own length T. If all R rows are in the first lane, the other lanes
 * are not computed. The second section has C new prompts of S positions each, with a past of T' if an earlier chunk of
 * the prompt is done. Everything but attention computes all N positions at once.
 * Letters: E width, H heads, D = E / H, V vocabulary, L positions whose next token is wanted.
 *
 * Attention has two parts, over the new positions and over the past: concatenating the keys and values of both would
 * copy the whole past at each step. The scores of the new positions come first in the joined scores, so that the index
 * of a score does not depend on T.
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
 * | logits | float32 | [L, V]; int8 logits must be multiplied by `logit_scales` [L, 1] |
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

/** Queries, keys and values of one section's new positions, each [b, H, S, D]. */
interface Heads {
  readonly queries: Value;
  readonly keys: Value;
  readonly values: Value;
}

/** Attention weights of the new positions on each other, [b, H, S, S], and context from the past, [b, H, S, D]. */
type Attended = readonly [weights: Value, pastContext: Value];

interface Past {
  readonly keys: Value;
  readonly values: Value;
  readonly mask: Value;
  /** The numbers of new and of past positions in a row of the mask, [2]. */
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
  /** Targets of Reshape: [R, 3H, 1, D] and [N, E]. */
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
    // Computing the lanes without rows would take a sixth of a single text's step.
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

  /** SkipLayerNormalization, which also adds, would take four times as long as LayerNormalization and the additions. */
  #norm(x: Value, { gain, bias }: Norm): Value {
    const attributes = { axis: -1, epsilon: { float: this.#weights.shape.epsilon } };
    const inputs = [x, this.#graph.constant(gain), this.#graph.constant(bias)];
    return this.#graph.node('LayerNormalization', inputs, attributes);
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
    const context = [this.#attendRows(rows, index), this.#attendPrompts(prompts, index)].map((part) =>
      graph.node('Reshape', [part, this.#flatShape], { allowzero: 1 }),
    );
    return this.#biased(this.#layers.linear(graph.node('Concat', context, { axis: 0 }), layer.projection));
  }

  /** [R, 3E] → [R, H, 1, D]: each lane attends to its own past. */
  #attendRows(joined: Value, index: number): Value {
    const graph = this.#graph;
    const rows = this.#splitHeads(graph.node('Reshape', [joined, this.#rowShape]));
    this.#outputNew(rows, newNames(index), ['R', 1]);
    // The score of each position with itself. A matrix product would take ten times as long.
    const products = graph.node('Mul', [rows.queries, rows.keys]);
    const ownScores = graph.node('ReduceSum', [products, graph.constant(BigInt64Array.of(3n))], { keepdims: 1 });
    const pasts = this.#lanes.map((lane, number) => ({
      ...lane,
      ...this.#past(pastNames(index, number), [`b${number}`, `T${number}`]),
    }));
    const [weights = '', pastContext = ''] = graph.either(
      this.#isOneLane,
      {
        ifTrue: () => pasts.slice(0, 1).flatMap((past) => this.#attendPast(rows.queries, ownScores, past)),
        ifFalse: () => this.#attendLanes(rows.queries, ownScores, pasts),
      },
      ['float32', 'float32'],
    );
    return graph.node('Add', [graph.node('Mul', [weights, rows.values]), pastContext]);
  }

  /** Like `attendPast`, with each lane's rows on the lane's past. */
  #attendLanes(queries: Value, ownScores: Value, pasts: readonly Past[]): Attended {
    const laneQueries = this.#splitLanes(queries);
    const laneScores = this.#splitLanes(ownScores); // [b, H, 1, 1] each
    const parts = pasts.map((past, lane) => this.#attendPast(laneQueries[lane] ?? '', laneScores[lane] ?? '', past));
    const join = (values: readonly Value[]): Value => this.#graph.node('Concat', values, { axis: 0 });
    return [join(parts.map(([weights]) => weights)), join(parts.map(([, pastContext]) => pastContext))];
  }

  /** [C·S, 3E] → [C, S, H, D]. */
  #attendPrompts(joined: Value, index: number): Value {
    const graph = this.#graph;
    const shaped = graph.node('Reshape', [joined, this.#promptShape], { allowzero: 1 });
    const prompts = this.#splitHeads(graph.node('Transpose', [shaped], { perm: [0, 2, 1, 3] }));
    this.#outputNew(prompts, promptNames(index), ['C', 'S']);
    const past = { ...this.#prompts, ...this.#past(promptPastNames(index), ['C', 'T']) };
    const newScores = this.#scores(prompts.queries, prompts.keys);
    const [weights, pastContext] = this.#attendPast(prompts.queries, newScores, past);
    const all = graph.node('Add', [graph.node('MatMul', [weights, prompts.values]), pastContext]);
    return graph.node('Transpose', [all], { perm: [0, 2, 1, 3] });
  }

  #attendPast(queries: Value, newScores: Value, past: Past): Attended {
    const graph = this.#graph;
    const joined = graph.node('Concat', [newScores, this.#scores(queries, past.keys)], { axis: 3 }); // [b, H, S, S+T]
    const allWeights = graph.node('Softmax', [graph.node('Add', [joined, past.mask])], { axis: 3 });
    const [weights = '', pastWeights = ''] = graph.nodes('Split', [allWeights, past.sizes], {
      count: 2,
      attributes: { axis: 3 },
    });
    return [weights, graph.node('MatMul', [pastWeights, past.values])];
  }

  /** [L, E] → the logits and the largest of them. */
  #head(x: Value): void {
    const graph = this.#graph;
    const { vocabulary } = this.#weights.shape;
    const { logits, scales } = this.#layers.head(x);
    const count = Math.min(topCandidates, vocabulary);
    const [values = '', indices = ''] = graph.nodes('TopK', [logits, graph.constant(BigInt64Array.of(BigInt(count)))], {
      count: 2,
      attributes: { axis: 1 },
    });
    // One scale applies to a whole row, so it does not change the order.
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

/** Folds attention's factor 1/√D into the weights of the queries: exact if √D is a power of two. */
function scaleQueries(
  { weight, bias, inputs, outputs }: Gpt2Layer['attention'],
  { width, heads }: Gpt2Weights['shape'],
): Gpt2Layer['attention'] {
  const divisor = Math.sqrt(width / heads);
  const scale = (values: Float32Array): Float32Array =>
    values.map((value, index) => (index % outputs < width ? value / divisor : value));
  return { weight: scale(weight), bias: scale(bias), inputs, outputs };
}
