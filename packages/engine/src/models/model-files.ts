/** Which files make a model, and what they say. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AppError } from '@prosemill/core';
import { parseGpt2Shape, weightsFileName } from '../batched/gpt2-weights.ts';

/** How transformers.js names the weights of each number format. */
const fileSuffixes = {
  fp32: '',
  fp16: '_fp16',
  q8: '_quantized',
  int8: '_int8',
  uint8: '_uint8',
  q4: '_q4',
  bnb4: '_bnb4',
  q4f16: '_q4f16',
} as const;

export type Dtype = keyof typeof fileSuffixes;

export const engines = ['batched', 'transformers'] as const;
export type Engine = (typeof engines)[number];

/** Which files of a model are meant. */
export interface Variant {
  readonly engine: Engine;
  readonly dtype: Dtype;
}

/** `batched` computes in these from one file of weights. */
export const isBatchedDtype = (dtype: Dtype): boolean => dtype === 'fp32' || dtype === 'int8';

/** Whether `batched` can run a model with this config.json. */
export const canBatch = (config: unknown, dtype: Dtype): boolean =>
  isBatchedDtype(dtype) && parseGpt2Shape(config) !== null;

export const weightsFile = ({ engine, dtype }: Variant): string =>
  engine === 'batched' ? weightsFileName : `onnx/model${fileSuffixes[dtype]}.onnx`;

/** What a folder must hold; the generation config is there if the model has one. */
export const requiredFiles = (variant: Variant): readonly string[] => [
  'config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  weightsFile(variant),
];
export const optionalFiles: readonly string[] = ['generation_config.json'];

interface ModelConfig {
  readonly n_positions?: number;
  readonly max_position_embeddings?: number;
  readonly n_ctx?: number;
  readonly 'transformers.js_config'?: {
    readonly use_external_data_format?: Readonly<Record<string, number>> | number | boolean;
  };
}

/** Weights of more than 2 GB lie in further files, `model.onnx_data`, `model.onnx_data_1`, …; config.json says how many. */
export function externalDataFiles(configText: string, variant: Variant): readonly string[] {
  if (variant.engine !== 'transformers') return [];
  const format = (JSON.parse(configText) as ModelConfig)['transformers.js_config']?.use_external_data_format;
  const weights = weightsFile(variant);
  const name = weights.slice(weights.indexOf('/') + 1);
  const value = typeof format === 'object' ? (format[name] ?? format['model'] ?? 0) : (format ?? 0);
  return Array.from({ length: Number(value) }, (_, index) => `${weights}_data${index === 0 ? '' : `_${index}`}`);
}

export interface ModelDescription {
  /** Positions: prompt and completion together. */
  readonly contextLength: number;
  /** As in core's `ModelRecord`. */
  readonly tokenizer: string;
}

/** @throws {AppError} `engine_unavailable` when a file is missing or says nothing usable */
export async function describeModel(folder: string, variant: Variant): Promise<ModelDescription> {
  for (const file of requiredFiles(variant)) await requireFile(folder, file);
  const config = (await readJson(folder, 'config.json')) as ModelConfig;
  const contextLength = config.n_positions ?? config.max_position_embeddings ?? config.n_ctx;
  if (contextLength === undefined) {
    throw new AppError('engine_unavailable', {
      message: `config.json in ${folder} does not say how many positions the model has.`,
    });
  }
  const tokenizer = {
    tokenizer: await readJson(folder, 'tokenizer.json'),
    config: await readJson(folder, 'tokenizer_config.json'),
  };
  return { contextLength, tokenizer: JSON.stringify(tokenizer) };
}

async function requireFile(folder: string, file: string): Promise<void> {
  await access(join(folder, file)).catch((cause: unknown) => {
    throw new AppError('engine_unavailable', { message: `The model folder ${folder} has no ${file}.`, cause });
  });
}

async function readJson(folder: string, file: string): Promise<unknown> {
  const path = join(folder, file);
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new AppError('engine_unavailable', { message: `${path} cannot be read`, cause });
  }
}

/** @returns 64 hex digits */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash);
  return hash.digest('hex');
}
