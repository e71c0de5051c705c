/** From a model's weights to the graph that computes it in a number format. */
import { readFile } from 'node:fs/promises';
import { createTokenizer } from '@prosemill/tokenizer';
import { balance } from './balance.ts';
import { observeLinears } from './calibration.ts';
import { buildFp32Graph, buildGpt2Graph } from './gpt2-graph.ts';
import { type Gpt2Files, type Gpt2Weights, readGpt2Weights } from './gpt2-weights.ts';
import { Int8Layers } from './int8-layers.ts';

export type BatchedDtype = 'fp32' | 'int8';

/** A GPT-2 model, ready to be computed. */
export interface Gpt2Model extends Gpt2Files {
  /** As in core's `ModelRecord`. */
  readonly tokenizer: string;
  /** As in `DescribedModel`. */
  readonly checksum: string;
}

export interface GraphSource {
  readonly model: Gpt2Model;
  readonly dtype: BatchedDtype;
  /** For the calibration. */
  readonly threads: number;
}

const calibrationText = new URL('../../texts/calibration.txt', import.meta.url);

/**
 * @returns the bytes of an .onnx file
 * @throws {AppError} `engine_unavailable` when the folder holds no GPT-2 weights
 */
export async function buildGraph(source: GraphSource): Promise<Uint8Array<ArrayBuffer>> {
  const weights = await readGpt2Weights(source.model);
  return source.dtype === 'fp32' ? buildFp32Graph(weights) : await buildInt8Graph(weights, source);
}

async function buildInt8Graph(weights: Gpt2Weights, { model, threads }: GraphSource): Promise<Uint8Array<ArrayBuffer>> {
  const ids = createTokenizer(model.tokenizer).encode(await readFile(calibrationText, 'utf8'));
  const balanced = balance(weights, await observeLinears(weights, ids, threads));
  return buildGpt2Graph(balanced, (graph) => new Int8Layers(graph, balanced));
}
