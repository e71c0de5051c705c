/** Reads the weights of a GPT-2 model by their Hugging Face names. */
import { join } from 'node:path';
import type { OnShare } from '../load-progress.ts';
import { refuse } from '../models/model-refusals.ts';
import type { Gpt2Shape } from './gpt2-config.ts';
import { openTensors, type Tensors } from './tensors.ts';

/** y = x · weight + bias. The weight has shape [inputs, outputs], like GPT-2's Conv1D. */
export interface Linear {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  readonly inputs: number;
  readonly outputs: number;
}

/** Both have shape [E]. */
export interface Norm {
  readonly gain: Float32Array;
  readonly bias: Float32Array;
}

export interface Gpt2Layer {
  readonly attentionNorm: Norm;
  /** [E] → [3E]: queries, keys, values. */
  readonly attention: Linear;
  readonly projection: Linear;
  readonly mlpNorm: Norm;
  readonly mlpIn: Linear;
  readonly mlpOut: Linear;
}

export interface Gpt2Weights {
  readonly shape: Gpt2Shape;
  /** The token table, which is also the head. Shape [V, E]. */
  readonly tokens: Float32Array;
  /** Shape [P, E]. */
  readonly positions: Float32Array;
  readonly layers: readonly Gpt2Layer[];
  readonly finalNorm: Norm;
}

/** The files of the weights, and the shape that the weights must have. */
export interface Gpt2Files {
  readonly folder: string;
  /** Paths relative to the folder. */
  readonly weights: readonly string[];
  readonly shape: Gpt2Shape;
}

const head = 'lm_head.weight';
const tensorsPerLayer = 12;
/** Token table, position table, and gain and bias of the final norm. */
const otherTensors = 4;

/** @throws {AppError} `engine_unavailable` when the files do not hold weights of this shape */
export async function readGpt2Weights(
  { folder, weights, shape }: Gpt2Files,
  onShare: OnShare = () => undefined,
): Promise<Gpt2Weights> {
  const tensors = await openTensors(weights.map((path) => join(folder, path)));
  try {
    return await readAll(tensors, shape, onShare);
  } finally {
    await tensors.close();
  }
}

async function readAll(tensors: Tensors, shape: Gpt2Shape, onShare: OnShare): Promise<Gpt2Weights> {
  const { width, innerWidth, vocabulary, positions } = shape;
  // Some files omit the prefix of the names.
  const prefix = tensors.has('transformer.wpe.weight') ? 'transformer.' : '';
  const total = tensorsPerLayer * shape.layers + otherTensors;
  let count = 0;
  const read = async (name: string, ...dims: number[]): Promise<Float32Array> => {
    const values = await tensors.read(name, dims);
    count += 1;
    onShare(count / total);
    return values;
  };
  const tensor = async (name: string, ...dims: number[]): Promise<Float32Array> => await read(prefix + name, ...dims);

  const norm = async (name: string): Promise<Norm> => ({
    gain: await tensor(`${name}.weight`, width),
    bias: await tensor(`${name}.bias`, width),
  });

  const linear = async (name: string, inputs: number, outputs: number): Promise<Linear> => ({
    weight: await tensor(`${name}.weight`, inputs, outputs),
    bias: await tensor(`${name}.bias`, outputs),
    inputs,
    outputs,
  });

  const layers: Gpt2Layer[] = [];
  for (let layer = 0; layer < shape.layers; layer += 1) {
    const name = `h.${layer}`;
    layers.push({
      attentionNorm: await norm(`${name}.ln_1`),
      attention: await linear(`${name}.attn.c_attn`, width, 3 * width),
      projection: await linear(`${name}.attn.c_proj`, width, width),
      mlpNorm: await norm(`${name}.ln_2`),
      mlpIn: await linear(`${name}.mlp.c_fc`, width, innerWidth),
      mlpOut: await linear(`${name}.mlp.c_proj`, innerWidth, width),
    });
  }
  // Of tensors that share their values, safetensors stores only one: save_model keeps the first by name.
  const table = tensors.has(`${prefix}wte.weight`) || !tensors.has(head) ? `${prefix}wte.weight` : head;
  const tokens = await read(table, vocabulary, width);
  await checkHead(tensors, tokens, [vocabulary, width]);
  return {
    shape,
    tokens,
    positions: await tensor('wpe.weight', positions, width),
    layers,
    finalNorm: await norm('ln_f'),
  };
}

/** Requires a stored head to equal the token table, because transformers would compute with the stored one. */
async function checkHead(tensors: Tensors, tokens: Float32Array, dims: readonly number[]): Promise<void> {
  if (!tensors.has(head)) return;
  const values = await tensors.read(head, dims);
  if (Buffer.from(values.buffer).equals(Buffer.from(tokens.buffer))) return;
  throw refuse('head-differs', { file: tensors.fileOf(head) });
}
