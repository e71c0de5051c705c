/** A small GPT-2 model in Hugging Face's file formats, with random weights, for tests of model folders. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { byteTokenizer } from './byte-tokenizer.ts';
import { type Gpt2Sizes, randomGpt2Tensors } from './gpt2-tensors.ts';
import { encodeSafetensors, type NamedTensor, type SafetensorsDtype } from './safetensors.ts';

/** A JSON value, or text or bytes that are written unchanged; null leaves the file out. */
export type FileContent = Readonly<Record<string, unknown>> | string | Buffer | null;

export interface Gpt2FolderOptions {
  /**
   * Replaces fields of {@link smallGpt2Config}. Undefined leaves a field out; the weights then have GPT2Config's
   * default.
   */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Replaces files, by path. */
  readonly files?: Readonly<Record<string, FileContent>>;
  /** The seed of the weights. Default 1. */
  readonly seed?: number;
  readonly dtype?: SafetensorsDtype;
  /** The prefix of the tensors' names. Default "transformer.". */
  readonly tensorPrefix?: string;
  /**
   * An lm_head.weight beside the token embeddings, with the same values or others, or in their place. Default: none.
   */
  readonly head?: 'same' | 'other' | 'only';
  /** The number of files of weights; more than one get an index. Default 1. */
  readonly shards?: number;
}

/** The config.json of the default model: 2 layers, a vocabulary of 512. */
export const smallGpt2Config = {
  model_type: 'gpt2',
  architectures: ['GPT2LMHeadModel'],
  activation_function: 'gelu_new',
  n_layer: 2,
  n_head: 2,
  n_embd: 16,
  n_positions: 128,
  vocab_size: 512,
  layer_norm_epsilon: 1e-5,
  bos_token_id: 0,
  eos_token_id: 0,
} as const;

/** @see transformers' GPT2Config */
const defaultSizes = { n_layer: 12, n_embd: 768, n_positions: 1024, vocab_size: 50_257 };
const smallestTokenizer = 257;
const largestTokenizer = 4_096;

/**
 * Makes the folder, and writes config.json, generation_config.json, the weights, tokenizer.json and
 * tokenizer_config.json into it.
 */
export async function writeGpt2Folder(folder: string, options: Gpt2FolderOptions = {}): Promise<void> {
  const { files = {}, dtype = 'F32', shards = 1 } = options;
  const config = Object.fromEntries(
    Object.entries({ ...smallGpt2Config, ...options.config }).filter(([, value]) => value !== undefined),
  );
  const sizes = { ...defaultSizes, ...config } as unknown as Gpt2Sizes;
  const tensors = tensorsOf({ ...sizes, n_inner: sizes.n_inner ?? 4 * sizes.n_embd }, options);
  const vocabulary = Math.min(largestTokenizer, Math.max(smallestTokenizer, sizes.vocab_size));
  const all: Record<string, FileContent> = {
    'config.json': config,
    'generation_config.json': { bos_token_id: 0, eos_token_id: 0 },
    ...(await byteTokenizer(vocabulary)),
    ...(shards === 1 ? { 'model.safetensors': encodeSafetensors(tensors, dtype) } : inShards(tensors, dtype, shards)),
    ...files,
  };
  for (const [path, content] of Object.entries(all)) {
    if (content === null) continue;
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    const isRaw = typeof content === 'string' || Buffer.isBuffer(content);
    await writeFile(target, isRaw ? content : JSON.stringify(content, null, 2));
  }
}

function tensorsOf(
  sizes: Gpt2Sizes,
  { seed = 1, tensorPrefix = 'transformer.', head }: Gpt2FolderOptions,
): readonly NamedTensor[] {
  const tensors = randomGpt2Tensors(sizes, { seed, prefix: tensorPrefix });
  const [table] = tensors;
  if (head === undefined || table === undefined) return tensors;
  const values = head === 'other' ? table.values.map((value) => -value) : table.values;
  return [...tensors.slice(head === 'only' ? 1 : 0), { ...table, name: 'lm_head.weight', values }];
}

/** Puts some tensors of each part of the model into every shard, so that no shard can be left out unnoticed. */
function inShards(
  tensors: readonly NamedTensor[],
  dtype: SafetensorsDtype,
  count: number,
): Readonly<Record<string, FileContent>> {
  const nameOf = (shard: number): string =>
    `model-${String(shard + 1).padStart(5, '0')}-of-${String(count).padStart(5, '0')}.safetensors`;
  const weightMap = Object.fromEntries(tensors.map(({ name }, index) => [name, nameOf(index % count)]));
  const shards = Array.from({ length: count }, (_, shard) => [
    nameOf(shard),
    encodeSafetensors(
      tensors.filter((_tensor, index) => index % count === shard),
      dtype,
    ),
  ]);
  const totalSize = tensors.reduce((sum, { values }) => sum + values.byteLength, 0);
  return {
    ...(Object.fromEntries(shards) as Record<string, Buffer>),
    'model.safetensors.index.json': { metadata: { total_size: totalSize }, weight_map: weightMap },
  };
}
