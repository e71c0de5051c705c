/** Builds the graph that computes a model in a number format. */
import { readFile } from 'node:fs/promises';
import { createTokenizer } from '@prosemill/tokenizer';
import { type OnShare, partOf } from '../load-progress.ts';
import { balance } from './balance.ts';
import { observeLinears } from './calibration.ts';
import { buildFp32Graph, buildGpt2Graph } from './gpt2-graph.ts';
import { type Gpt2Files, type Gpt2Weights, readGpt2Weights } from './gpt2-weights.ts';
import { Int8Layers } from './int8-layers.ts';

export type BatchedDtype = 'fp32' | 'int8';

export interface Gpt2Model extends Gpt2Files {
  /** The same value as in core's `ModelRecord`. */
  readonly tokenizer: string;
  /** The same value as in `DescribedModel`. */
  readonly checksum: string;
}

export interface GraphSource {
  readonly model: Gpt2Model;
  readonly dtype: BatchedDtype;
  readonly threads: number;
}

const calibrationText = new URL('../../texts/calibration.txt', import.meta.url);

/**
 * @param onShare  Reports the progress of the whole build. Each part has about its share of the time for distilgpt2.
 * @returns the bytes of an .onnx file
 * @throws {AppError} `engine_unavailable` when the folder holds no GPT-2 weights
 */
export async function buildGraph(source: GraphSource, onShare: OnShare): Promise<Uint8Array<ArrayBuffer>> {
  const isInt8 = source.dtype === 'int8';
  const readEnd = isInt8 ? 0.05 : 0.5;
  const weights = await readGpt2Weights(source.model, partOf(onShare, 0, readEnd));
  const onRest = partOf(onShare, readEnd, 1);
  return isInt8 ? await buildInt8Graph(weights, source, onRest) : buildFp32Graph(weights, onRest);
}

async function buildInt8Graph(
  weights: Gpt2Weights,
  { model, threads }: GraphSource,
  onShare: OnShare,
): Promise<Uint8Array<ArrayBuffer>> {
  const ids = createTokenizer(model.tokenizer).encode(await readFile(calibrationText, 'utf8'));
  const statistics = await observeLinears(weights, ids, threads, partOf(onShare, 0, 0.5));
  const balanced = balance(weights, statistics, partOf(onShare, 0.5, 0.75));
  return buildGpt2Graph(balanced, (graph) => new Int8Layers(graph, balanced), partOf(onShare, 0.75, 1));
}
