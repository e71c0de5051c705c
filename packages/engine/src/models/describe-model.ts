/** Describes a model from its files. The checksum covers every part of the files that affects a text. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DecoderShape } from '../decoder/decoder-shape.ts';
import type { OnLoadProgress } from '../load-progress.ts';
import { readEndIds } from './end-of-text.ts';
import { folderSource } from './file-source.ts';
import { type Dtype, type Engine, sha256OfFile, type Variant } from './model-files.ts';
import { isObject, type JsonFile, type JsonObject } from './model-json.ts';
import { findLayout, type ModelLayout } from './model-layout.ts';
import { refuse, shown } from './model-refusals.ts';
import { readTokenizer } from './tokenizer-files.ts';

/** The sha256 of each path, 64 hex digits. */
export type Checksums = Readonly<Record<string, string>>;

export interface DescribedModel extends Variant {
  readonly folder: string;
  readonly config: JsonObject;
  /** Null for families that `batched` does not run. */
  readonly shape: DecoderShape | null;
  /** The most positions of prompt and completion together. */
  readonly contextLength: number;
  /** The same value as in core's `ModelRecord`. */
  readonly tokenizer: string;
  /** Tokens that end a text. */
  readonly endIds: readonly number[];
  /** Paths of the files with weights, relative to the folder. */
  readonly weights: readonly string[];
  /** The sha256 of each file that the model was read from. */
  readonly files: Checksums;
  /**
   * The sha256, 64 hex digits, of the weights, the engine's settings from config.json, the end of text and the
   * tokenizer. Two models have different checksums if they may give other prepared parts or texts in the same format.
   */
  readonly checksum: string;
}

/**
 * @param wanted  Engines in order of preference.
 * @throws {AppError} `engine_unavailable` with the reason, when none of these engines can run the model
 */
export async function describeModel(
  folder: string,
  wanted: readonly Engine[],
  dtype: Dtype,
  onProgress: OnLoadProgress = () => undefined,
): Promise<DescribedModel> {
  const source = folderSource(folder);
  const layout = await findLayout(source, wanted, dtype);
  const { engine, config, shape, weights } = layout;
  const { fields } = config;
  const endIds = await readEndIds(source, config);
  const vocabulary = shape?.vocabulary ?? sizeOf(fields['vocab_size']);
  const tokenizer = await readTokenizer(source, layout.tokenizer, { config, vocabulary });
  const contextLength = shape?.positions ?? positionsOf(config);
  const files = await checksumsOf(folder, layout, onProgress);
  const checksum = sha256Of({
    weights: weights.map((path) => files[path]),
    config: engine === 'batched' ? shape : fields,
    endIds,
    // `config` covers the vocabulary size.
    tokenizer: { ...(JSON.parse(tokenizer) as object), vocabularySize: undefined },
  });
  return { engine, dtype, folder, config: fields, shape, contextLength, tokenizer, endIds, weights, files, checksum };
}

async function checksumsOf(folder: string, { files }: ModelLayout, onProgress: OnLoadProgress): Promise<Checksums> {
  const total = await sizeOfFiles(files.map((path) => join(folder, path)));
  let done = 0;
  const onBytes = (count: number): void => {
    done += count;
    onProgress('checking', done, total);
  };
  const entries: [string, string][] = [];
  for (const path of files) {
    const file = join(folder, path);
    const checksum = await sha256OfFile(file, onBytes).catch((cause: unknown) => {
      throw refuse('unreadable-file', { file }, cause);
    });
    entries.push([path, checksum]);
  }
  return Object.fromEntries(entries);
}

/** The total size. An unreadable file counts as 0, because reading it reports the error. */
async function sizeOfFiles(paths: readonly string[]): Promise<number> {
  const stats = await Promise.all(paths.map(async (path) => await stat(path).catch(() => ({ size: 0 }))));
  return stats.reduce((sum, { size }) => sum + size, 0);
}

const sizeOf = (value: unknown): number | null =>
  Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : null;

function positionsOf({ file, fields }: JsonFile): number {
  const field = ['n_positions', 'max_position_embeddings', 'n_ctx'].find((name) => (fields[name] ?? null) !== null);
  if (field === undefined) throw refuse('no-positions', { file });
  const positions = sizeOf(fields[field]);
  if (positions === null) throw refuse('size', { file, field, value: shown(fields[field]) });
  return positions;
}

/** The sha256 of canonical JSON, which does not depend on the order of names in objects. */
const sha256Of = (value: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(value, (_key, part: unknown) => canonical(part)))
    .digest('hex');

function canonical(value: unknown): unknown {
  // JSON would write null for NaN and infinite numbers.
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
