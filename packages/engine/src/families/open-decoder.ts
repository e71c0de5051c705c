/** Opens the decoder of a model: in fp32 from its weights, in int8 from parts that are prepared once and stored. */
import { fork } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorLine } from '@prosemill/core';
import { Decoder, type DecoderOptions } from '../decoder/decoder.ts';
import type { DecoderShape } from '../decoder/decoder-shape.ts';
import { decoderVersion } from '../decoder/decoder-version.ts';
import type { NumberFormat } from '../decoder/memory-plan.ts';
import { floatParts, holdParts, type ModelParts, type PartBytes } from '../decoder/model-parts.ts';
import { openParts } from '../int8/stored-parts.ts';
import { type OnLoadProgress, type OnShare, partOf } from '../load-progress.ts';
import { childEnvironment } from '../worker/child-environment.ts';
import { readWeights, type WeightFiles } from './families.ts';
import type { FromPrepareProcess, Preparation } from './prepare-process.ts';

export interface DecoderModel extends WeightFiles {
  readonly shape: DecoderShape;
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
  for (let preparations = 0; ; preparations += 1) {
    const stored = await openStored(source, path);
    if (stored !== null) return stored;
    // A process of another version may delete the file before it is opened, but hardly twice.
    if (preparations === 2) throw new RangeError(`${path} cannot be read, although it has just been written.`);
    const bytes = await prepare({ model, path, label: labelOf(model) }, (share) =>
      source.onProgress('building-int8', share, 1),
    );
    if (bytes !== null) return await openInt8(source, holdParts(model.shape, 'int8', bytes));
  }
}

/** The file of a model's int8 parts. */
export const partsFileOf = (modelDir: string, { checksum }: Pick<DecoderModel, 'checksum'>): string =>
  join(modelDir, 'prepared', `${checksum.slice(0, 16)}-int8-${decoderVersion}.safetensors`);

/** The identity of the parts. A file with this label is complete, because it gets its name when it is written. */
const labelOf = ({ checksum }: DecoderModel): string => `${checksum} int8 ${decoderVersion}`;

async function openFloats({ model, options, onProgress }: DecoderSource): Promise<Decoder> {
  const onShare: OnShare = (share) => onProgress('opening', share, 1);
  onShare(0);
  const weights = await readWeights(model, partOf(onShare, 0, 0.5));
  return await Decoder.open(floatParts(weights), { ...options, onShare: partOf(onShare, 0.5, 1) });
}

/**
 * Prepares in a process of its own, whose memory is free before the decoder opens.
 * @returns the parts, or null if they are stored
 */
async function prepare(preparation: Preparation, onShare: OnShare): Promise<PartBytes | null> {
  onShare(0);
  const child = fork(new URL('prepare-process.ts', import.meta.url), {
    serialization: 'advanced',
    execArgv: [],
    env: childEnvironment(),
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  // A process that ended before it got this is reported below.
  child.send(preparation, () => undefined);
  const parts = new Map<string, Uint8Array>();
  let last: FromPrepareProcess | undefined;
  child.on('message', (message: FromPrepareProcess) => {
    last = message;
    if (message.type === 'share') onShare(message.share);
    if (message.type === 'part') parts.set(message.name, message.bytes);
  });
  return await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.once('close', (code, signal) => {
      process.off('exit', kill);
      if (last?.type === 'prepared') resolve(parts.size === 0 ? null : parts);
      else if (last?.type === 'failed') reject(new Error(last.message));
      // Nobody catches this, so a crash ends this process, too: the worker starts it again.
      else throw new Error(`the process that prepares the model was ended by ${signal ?? `code ${code}`}`);
    });
  });
}

/** @returns null if there is no usable file */
async function openStored(source: DecoderSource, path: string): Promise<Decoder | null> {
  const { model } = source;
  let parts: ModelParts;
  try {
    parts = await openParts(path, model.shape, labelOf(model));
  } catch (error) {
    if (isMissing(error)) return null;
    // The worker's log shows lines of standard error.
    process.stderr.write(`${path} cannot be loaded and is prepared anew: ${errorLine(error)}\n`);
    await rm(path, { force: true }).catch(() => undefined);
    return null;
  }
  // From here on an error is no reason to prepare anew: a model that does not fit would not fit then either.
  return await openInt8(source, parts);
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');

async function openInt8({ options, onProgress }: DecoderSource, parts: ModelParts): Promise<Decoder> {
  try {
    return await Decoder.open(parts, { ...options, onShare: (share) => onProgress('opening', share, 1) });
  } catch (error) {
    await parts.close();
    throw error;
  }
}
