/** From what MODEL says to a folder with a model in it. */
import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError, errorLine } from '@prosemill/core';
import { type Checksums, downloadModel, folderOf, readManifest } from './download-model.ts';
import { type Dtype, describeModel, type ModelDescription, sha256OfFile, weightsFile } from './model-files.ts';

export interface ModelChoice {
  /** A hub id, a folder, or `shipped`; undefined: distilgpt2 if it can be had, else the shipped model. */
  readonly model: string | undefined;
  /** On the hub; undefined: the pinned one of a known model, else `main`. */
  readonly revision: string | undefined;
  readonly dtype: Dtype;
  /** Where downloads are kept. */
  readonly modelDir: string;
  readonly hubEndpoint: string;
}

export interface ResolvedModel extends ModelDescription {
  readonly folder: string;
  /** The last part of its id or path. */
  readonly name: string;
  /** As asked for on the hub; of a folder, the first digits of the weights' checksum. */
  readonly revision: string;
  readonly dtype: Dtype;
  /** sha256, 64 hex digits. */
  readonly weightsChecksum: string;
  /** As in core's `LoadedModel`. */
  readonly fallbackReason: string | null;
}

interface PinnedModel {
  readonly id: string;
  readonly revision: string;
  readonly checksums: Checksums;
}

/** The transformers.js edition of distilgpt2. */
const distilgpt2: PinnedModel = {
  id: 'Xenova/distilgpt2',
  revision: 'a41c10485c18a64b6606729b6a082330cbd8f49e',
  checksums: { 'onnx/model.onnx': 'd605c4b3740df3960e8f84e4c5735af8d81d19105eb915b692272c08cc800b0c' },
};
/** Names under which people know it. */
const distilgpt2Names: ReadonlySet<string> = new Set(['distilgpt2', 'distilbert/distilgpt2', distilgpt2.id]);

const hubId = /^[\w.-]+(?:\/[\w.-]+)?$/;

/** With MODEL not set there is one quick try, because there is something to fall back to. */
const oneTry = { tries: 1, timeouts: { connectMs: 5_000, stallMs: 30_000 } };
const manyTries = { tries: 4, timeouts: { connectMs: 10_000, stallMs: 30_000 } };

const shippedFolder = fileURLToPath(new URL('../../../../models/tiny-tales', import.meta.url));

export interface ResolveOptions {
  readonly signal: AbortSignal;
  /** Of a download: bytes so far and in all. */
  readonly onProgress: (received: number, total: number) => void;
}

/** @throws {AppError} `engine_unavailable` when the model cannot be had: never another one than asked for */
export async function resolveModel(choice: ModelChoice, options: ResolveOptions): Promise<ResolvedModel> {
  const { model, dtype } = choice;
  if (model === undefined) return await resolveDefault(choice, options);
  if (model === 'shipped') return await fromFolder(shippedFolder, dtype);
  if (await isFolder(model)) return await fromFolder(resolve(model), dtype);
  if (!hubId.test(model)) {
    throw new AppError('engine_unavailable', {
      message: `MODEL is ${JSON.stringify(model)}: neither a folder nor a hub id`,
    });
  }
  return await fromHub(model, choice, { ...options, ...manyTries }).catch((cause: unknown) => {
    options.signal.throwIfAborted();
    throw new AppError('engine_unavailable', { message: `${model} cannot be had`, cause });
  });
}

async function resolveDefault(choice: ModelChoice, options: ResolveOptions): Promise<ResolvedModel> {
  try {
    return await fromHub('distilgpt2', choice, { ...options, ...oneTry });
  } catch (error) {
    options.signal.throwIfAborted();
    const shipped = await fromFolder(shippedFolder, 'fp32');
    const fallbackReason = `distilgpt2 could not be had (${errorLine(error)}), so the small model ${shipped.name} of this repository runs instead.`;
    return { ...shipped, fallbackReason };
  }
}

async function fromFolder(folder: string, dtype: Dtype): Promise<ResolvedModel> {
  const description = await describeModel(folder, dtype);
  const weightsChecksum = await sha256OfFile(join(folder, weightsFile(dtype)));
  const revision = weightsChecksum.slice(0, 12);
  return { ...description, folder, name: basename(folder), revision, dtype, weightsChecksum, fallbackReason: null };
}

async function fromHub(
  model: string,
  { revision, dtype, modelDir, hubEndpoint }: ModelChoice,
  options: ResolveOptions & typeof oneTry,
): Promise<ResolvedModel> {
  const known = distilgpt2Names.has(model) ? distilgpt2 : null;
  const id = known?.id ?? model;
  const repository = { endpoint: hubEndpoint.replace(/\/+$/, ''), id, revision: revision ?? known?.revision ?? 'main' };
  const pinned = known?.revision === repository.revision ? known.checksums : {};
  let folder = folderOf(modelDir, repository, dtype);
  let manifest = await readManifest(folder);
  if (manifest === null) {
    folder = await downloadModel({ repository, dtype, modelDir, pinned, ...options });
    manifest = await readManifest(folder);
  }
  const weightsChecksum = manifest?.files[weightsFile(dtype)];
  if (weightsChecksum === undefined)
    throw new AppError('engine_unavailable', { message: `${folder} is damaged: delete it` });
  return {
    ...(await describeModel(folder, dtype)),
    folder: resolve(folder),
    name: basename(id),
    revision: manifest?.commit ?? repository.revision,
    dtype,
    weightsChecksum,
    fallbackReason: null,
  };
}

const isFolder = async (path: string): Promise<boolean> =>
  await stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
