/** Opens the decoder of a model: in fp32 from its weights, in int8 from parts that are prepared once and stored. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { errorLine } from '@prosemill/core';
import { Decoder, type DecoderOptions } from '../decoder/decoder.ts';
import { decoderVersion } from '../decoder/decoder-version.ts';
import type { NumberFormat } from '../decoder/memory-plan.ts';
import { floatParts, holdParts, type ModelParts, type PartBytes } from '../decoder/model-parts.ts';
import { openParts } from '../int8/stored-parts.ts';
import { type OnLoadProgress, type OnShare, partOf } from '../load-progress.ts';
import { type Gpt2Files, readGpt2Weights } from './gpt2/read-gpt2-weights.ts';
import type { FromPrepareThread, PrepareData } from './prepare-thread.ts';

export interface DecoderModel extends Gpt2Files {
  /** The same value as in core's `ModelRecord`. */
  readonly tokenizer: string;
  /** The same value as in `DescribedModel`. */
  readonly checksum: string;
}

export interface DecoderSource {
  readonly model: DecoderModel;
  readonly format: NumberFormat;
  /** The folder in which prepared parts are stored. */
  readonly modelDir: string;
  readonly options: DecoderOptions;
  readonly onProgress: OnLoadProgress;
}

/** @throws {AppError} `engine_unavailable` when the folder does not hold the weights that its config.json describes */
export async function openDecoder(source: DecoderSource): Promise<Decoder> {
  const { model, format, modelDir } = source;
  if (format === 'fp32') return await openFloats(source);
  const path = partsFileOf(modelDir, model);
  const stored = await openStored(source, path);
  if (stored !== null) return stored;
  const bytes = await prepare({ model, path, label: labelOf(model) }, (share) =>
    source.onProgress('building-int8', share, 1),
  );
  if (bytes !== null) return await openInt8(source, holdParts(model.shape, 'int8', bytes));
  const prepared = await openStored(source, path);
  if (prepared === null) throw new RangeError(`${path} cannot be read, although it has just been written.`);
  return prepared;
}

/** The file of a model's int8 parts. */
export const partsFileOf = (modelDir: string, { checksum }: Pick<DecoderModel, 'checksum'>): string =>
  join(modelDir, 'prepared', `${checksum.slice(0, 16)}-int8-${decoderVersion}.safetensors`);

/** The identity of the parts. A file with this label is complete, because it gets its name when it is written. */
const labelOf = ({ checksum }: DecoderModel): string => `${checksum} int8 ${decoderVersion}`;

async function openFloats({ model, options, onProgress }: DecoderSource): Promise<Decoder> {
  const onShare: OnShare = (share) => onProgress('opening', share, 1);
  onShare(0);
  const weights = await readGpt2Weights(model, partOf(onShare, 0, 0.5));
  return await Decoder.open(floatParts(weights), { ...options, onShare: partOf(onShare, 0.5, 1) });
}

/** @returns the parts, or null if they are stored */
async function prepare(data: PrepareData, onShare: OnShare): Promise<PartBytes | null> {
  onShare(0);
  const thread = new Worker(new URL('prepare-thread.ts', import.meta.url), { workerData: data });
  return await new Promise((resolve, reject) => {
    thread.on('error', reject);
    thread.on('message', (message: FromPrepareThread) => {
      if (message.type === 'share') onShare(message.share);
      else resolve(message.bytes);
    });
  });
}

/** @returns null if there is no usable file */
async function openStored(source: DecoderSource, path: string): Promise<Decoder | null> {
  const { model } = source;
  let parts: ModelParts | null = null;
  try {
    parts = await openParts(path, model.shape, labelOf(model));
    return await openInt8(source, parts);
  } catch (error) {
    await parts?.close();
    if (isMissing(error)) return null;
    // The worker's log shows lines of standard error.
    process.stderr.write(`${path} cannot be loaded and is prepared anew: ${errorLine(error)}\n`);
    await rm(path, { force: true }).catch(() => undefined);
    return null;
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');

const openInt8 = async ({ options, onProgress }: DecoderSource, parts: ModelParts): Promise<Decoder> =>
  await Decoder.open(parts, { ...options, onShare: (share) => onProgress('opening', share, 1) });
