/** Finds the safetensors files of a model: one file, or shards with an index. */
import type { FileSource } from './file-source.ts';
import { findJson, isObject, type JsonFile } from './model-json.ts';
import { refusalText, refuse, shown } from './model-refusals.ts';

const weightsName = 'model.safetensors';
const indexName = 'model.safetensors.index.json';
/** Files in formats that Hugging Face reads and this service does not. */
const otherNames = ['pytorch_model.bin', 'pytorch_model.bin.index.json', 'tf_model.h5', 'flax_model.msgpack'];

/** A relative path that cannot leave the model's folder. */
const shardName = /^(?!.*(?:^|\/)\.{1,2}\/)[\w.-]+(?:\/[\w.-]+)*\.safetensors$/;

export interface TensorFiles {
  /** In ascending order. If several files have the same tensor, the last one counts. */
  readonly weights: readonly string[];
  readonly files: readonly string[];
}

/**
 * @returns the files, or the reason why there are none
 * @throws {AppError} `engine_unavailable` when the index is invalid or a shard is missing
 */
export async function findTensorFiles(source: FileSource): Promise<TensorFiles | string> {
  if (await source.has(weightsName)) return { weights: [weightsName], files: [weightsName] };
  const index = await findJson(source, indexName);
  if (index === null) return await reasonForNone(source);
  const weights = shardsOf(index);
  const isThere = await Promise.all(weights.map(async (path) => await source.has(path)));
  const missing = weights[isThere.indexOf(false)];
  if (missing !== undefined) throw refuse('missing-shard', { file: index.file, shard: missing });
  return { weights, files: [indexName, ...weights] };
}

function shardsOf({ file, fields }: JsonFile): readonly string[] {
  const map = fields['weight_map'];
  const shards = isObject(map) ? [...new Set(Object.values(map))] : [];
  if (shards.length === 0) throw refuse('shard-index', { file });
  for (const shard of shards) {
    if (typeof shard !== 'string' || !shardName.test(shard)) throw refuse('shard-name', { file, shard: shown(shard) });
  }
  return (shards as string[]).toSorted();
}

async function reasonForNone(source: FileSource): Promise<string> {
  const { model } = source;
  for (const path of otherNames) {
    if (await source.has(path)) return refusalText('other-weights', { model, path });
  }
  return refusalText('no-weights', { model });
}
