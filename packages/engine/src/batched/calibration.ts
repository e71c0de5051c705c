/** Measures the inputs of each linear layer on a page of text. */
import { InferenceSession } from 'onnxruntime-node';
import { type OnShare, partOf } from '../load-progress.ts';
import { Fp32Layers } from './fp32-layers.ts';
import type { GraphLayers, LinearResult } from './graph-layers.ts';
import { observedName } from './graph-names.ts';
import { buildGpt2Graph } from './gpt2-graph.ts';
import { sessionOptions } from './gpt2-session.ts';
import type { Gpt2Weights, Linear } from './gpt2-weights.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';
import { firstStep, StepFeeds } from './step.ts';

/** Statistics of each channel of one linear layer's input. Both arrays have shape [inputs]. */
export interface ChannelStatistics {
  readonly mean: Float32Array;
  /** Mean absolute difference from the mean. */
  readonly spread: Float32Array;
}

/** Running the model takes about this share of the time. */
const runShare = 0.6;
/** Positions that are computed together. */
const windowTokens = 256;
/**
 * Positions at the start of each window that the statistics omit: GPT-2 uses the first token as an attention sink, and
 * the few huge channels of that token would hide all others.
 * @see Xiao 2023, "Efficient Streaming Language Models with Attention Sinks"
 */
const skippedTokens = 1;

/**
 * @param ids  A few hundred tokens of ordinary text.
 * @returns one entry for each linear layer, in the order of {@link observedName}
 */
export async function observeLinears(
  weights: Gpt2Weights,
  ids: readonly number[],
  threads: number,
  onShare: OnShare = () => undefined,
): Promise<readonly ChannelStatistics[]> {
  const { shape } = weights;
  const names = Array.from({ length: 4 * shape.layers + 1 }, (_, index) => observedName(index));
  const observed = buildGpt2Graph(weights, (graph) => new ObservedLayers(graph, weights));
  const session = await InferenceSession.create(observed, sessionOptions(threads));
  const feeds = new StepFeeds(shape);
  const size = Math.min(windowTokens, shape.positions);
  const inputs = names.map((): Float32Array[] => []);
  const starts = windowStarts(ids.length, size);
  const [onRun, onStatistics] = [partOf(onShare, 0, runShare), partOf(onShare, runShare, 1)];
  for (const [done, start] of starts.entries()) {
    const window = ids.slice(start, start + size);
    const results = await session.run(feeds.of(firstStep(window, shape)), names);
    for (const [index, name] of names.entries()) {
      const data = results[name]?.data as Float32Array;
      inputs[index]?.push(data.slice((data.length / window.length) * skippedTokens));
    }
    onRun((done + 1) / starts.length);
  }
  await session.release();
  return inputs.map((parts, index) => {
    const statistics = statisticsOf(parts, widthOf(weights, index));
    onStatistics((index + 1) / names.length);
    return statistics;
  });
}

/** The start of each window that has more than the skipped tokens. */
const windowStarts = (count: number, size: number): readonly number[] =>
  Array.from({ length: Math.ceil((count - skippedTokens) / size) }, (_, index) => index * size);

const widthOf = ({ shape }: Gpt2Weights, index: number): number => (index % 4 === 3 ? shape.innerWidth : shape.width);

/** @param parts  Each has shape [rows, width]. */
function statisticsOf(parts: readonly Float32Array[], width: number): ChannelStatistics {
  const rows = parts.reduce((sum, { length }) => sum + length / width, 0);
  const mean = new Float64Array(width);
  const spread = new Float64Array(width);
  for (const part of parts) {
    for (const [index, value] of part.entries()) mean[index % width] = (mean[index % width] ?? 0) + value / rows;
  }
  for (const part of parts) {
    for (const [index, value] of part.entries()) {
      const column = index % width;
      spread[column] = (spread[column] ?? 0) + Math.abs(value - (mean[column] ?? 0)) / rows;
    }
  }
  return { mean: new Float32Array(mean), spread: new Float32Array(spread) };
}

/** Linear layers in float32 whose inputs are also outputs of the graph. */
class ObservedLayers implements GraphLayers {
  readonly #graph: OnnxGraph;
  readonly #layers: Fp32Layers;
  readonly #width: number;
  #count = 0;

  constructor(graph: OnnxGraph, weights: Gpt2Weights) {
    this.#graph = graph;
    this.#layers = new Fp32Layers(graph, weights);
    this.#width = weights.shape.width;
  }

  embed(ids: Value): Value {
    return this.#layers.embed(ids);
  }

  linear(x: Value, linear: Linear): LinearResult {
    this.#observe(x, linear.inputs);
    return this.#layers.linear(x, linear);
  }

  linearAfterGelu(x: Value, linear: Linear): LinearResult {
    return this.linear(x, linear);
  }

  head(x: Value): ReturnType<GraphLayers['head']> {
    this.#observe(x, this.#width);
    return this.#layers.head(x);
  }

  #observe(x: Value, inputs: number): void {
    this.#graph.output(x, observedName(this.#count), 'float32', ['O', inputs]);
    this.#count += 1;
  }
}
