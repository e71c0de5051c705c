/** The sizes and weights of a GPT-2 model, by the names that Hugging Face gives them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@prosemill/core';
import { openSafetensors, type SafetensorsFile } from './safetensors.ts';

/** E = width, H = heads, D = E / H, V = vocabulary, P = positions. */
export interface Gpt2Shape {
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
  /** Of the MLP. */
  readonly innerWidth: number;
  readonly vocabulary: number;
  readonly positions: number;
  readonly epsilon: number;
  /** Tokens that end a text. */
  readonly endIds: readonly number[];
}

/** y = x · weight + bias. Weight: shape [inputs, outputs], as GPT-2's Conv1D keeps it. */
export interface Linear {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  readonly inputs: number;
  readonly outputs: number;
}

/** Both of shape [E]. */
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
  /** Shape [V, E]; also the head. */
  readonly tokens: Float32Array;
  /** Shape [P, E]. */
  readonly positions: Float32Array;
  readonly layers: readonly Gpt2Layer[];
  readonly finalNorm: Norm;
}

interface Gpt2Config {
  readonly model_type?: string;
  readonly activation_function?: string;
  readonly n_layer: number;
  readonly n_head: number;
  readonly n_embd: number;
  readonly n_inner?: number | null;
  readonly n_positions: number;
  readonly vocab_size: number;
  readonly layer_norm_epsilon: number;
  readonly eos_token_id: number | readonly number[];
  readonly scale_attn_weights?: boolean;
  readonly scale_attn_by_inverse_layer_idx?: boolean;
  readonly tie_word_embeddings?: boolean;
}

export const weightsFileName = 'model.safetensors';

/** An ONNX file of one part ends here. */
const maxGraphBytes = 2 ** 31;

/** What the weights take in fp32. */
function bytesOf({ layers, width, innerWidth, vocabulary, positions }: Gpt2Shape): number {
  const perLayer = width * (4 * width + 2 * innerWidth);
  return 4 * (layers * perLayer + width * (vocabulary + positions));
}

/** Null for a model of another family, a variant of GPT-2 that this engine does not compute, or one too large for a graph. */
export function parseGpt2Shape(config: unknown): Gpt2Shape | null {
  const value = config as Partial<Gpt2Config>;
  const { n_layer, n_head, n_embd, n_positions, vocab_size, layer_norm_epsilon, eos_token_id } = value;
  const isPlain =
    value.model_type === 'gpt2' &&
    (value.activation_function ?? 'gelu_new') === 'gelu_new' &&
    value.scale_attn_weights !== false &&
    value.scale_attn_by_inverse_layer_idx !== true &&
    value.tie_word_embeddings !== false;
  if (!isPlain || n_layer === undefined || n_head === undefined || n_embd === undefined) return null;
  // Heads of an odd width would need other copies of keys and values; there are none.
  if (n_positions === undefined || vocab_size === undefined || (n_embd / n_head) % 2 !== 0) return null;
  const shape = {
    layers: n_layer,
    heads: n_head,
    width: n_embd,
    innerWidth: value.n_inner ?? 4 * n_embd,
    vocabulary: vocab_size,
    positions: n_positions,
    epsilon: layer_norm_epsilon ?? 1e-5,
    endIds: [eos_token_id ?? []].flat(),
  };
  return bytesOf(shape) < maxGraphBytes ? shape : null;
}

/** @throws {AppError} `engine_unavailable` when the folder holds no GPT-2 weights */
export async function readGpt2Weights(folder: string): Promise<Gpt2Weights> {
  const shape = parseGpt2Shape(JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')));
  if (shape === null) throw new AppError('engine_unavailable', { message: `${folder} holds no GPT-2 model` });
  const path = join(folder, weightsFileName);
  const file = await openSafetensors(path).catch((cause: unknown) => {
    throw new AppError('engine_unavailable', { message: `${path} cannot be read`, cause });
  });
  try {
    return await readAll(file, shape);
  } catch (cause) {
    throw new AppError('engine_unavailable', { message: `${path} is not what its config.json says`, cause });
  } finally {
    await file.close();
  }
}

async function readAll(file: SafetensorsFile, shape: Gpt2Shape): Promise<Gpt2Weights> {
  const { width, innerWidth, vocabulary, positions } = shape;
  // Some files leave the first part of the names out.
  const prefix = file.tensors.has('transformer.wte.weight') ? 'transformer.' : '';

  async function tensor(name: string, ...dims: number[]): Promise<Float32Array> {
    const info = file.tensors.get(prefix + name);
    if (info?.shape.join() !== dims.join()) {
      throw new RangeError(`${name} should have the shape [${dims.join()}], but has [${info?.shape.join() ?? ''}].`);
    }
    return await file.read(prefix + name);
  }

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
  return {
    shape,
    tokens: await tensor('wte.weight', vocabulary, width),
    positions: await tensor('wpe.weight', positions, width),
    layers,
    finalNorm: await norm('ln_f'),
  };
}
