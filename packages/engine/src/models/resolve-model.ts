/** Resolves MODEL to a folder with a model, and to the engine that runs it. */
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { AppError, errorLine } from '@prosemill/core';
import type { OnLoadProgress } from '../load-progress.ts';
import { readDefaultDtype } from '../quality/quality-report.ts';
import { type Checksums, type DescribedModel, describeModel } from './describe-model.ts';
import { downloadModel, folderOf, readManifest } from './download-model.ts';
import type { Repository } from './hub.ts';
import { hubSource } from './hub-source.ts';
import { type Dtype, type Engine, engines, isBatchedDtype, onnxFile, type Variant } from './model-files.ts';
import { findLayout } from './model-layout.ts';

export interface ModelChoice {
  /** A hub id, a folder, or `shipped`; undefined: distilgpt2 if it is available, else the shipped model. */
  readonly model: string | undefined;
  /** The revision on the hub; undefined: the pinned one of a known model, else `main`. */
  readonly revision: string | undefined;
  /** `auto`: `batched` if it can run the model in this dtype, else `transformers`. */
  readonly engine: Engine | 'auto';
  /** Undefined: the fastest dtype of `batched` that passed the quality gate, else fp32. */
  readonly dtype: Dtype | undefined;
  /** The folder of downloaded models. */
  readonly modelDir: string;
  readonly hubEndpoint: string;
}

type DefiniteChoice = ModelChoice & { readonly dtype: Dtype };

export interface ResolvedModel extends DescribedModel {
  /** The last part of the model's id or path. */
  readonly name: string;
  /** A download's commit, plus digits of the checksum if its files were changed; for other folders only the digits. */
  readonly revision: string;
  /** The same value as in core's `LoadedModel`. */
  readonly fallbackReason: string | null;
}

interface PinnedModel {
  readonly id: string;
  readonly revision: string;
  readonly checksums: Checksums;
}

const distilgpt2: Readonly<Record<Engine, PinnedModel>> = {
  batched: {
    id: 'distilbert/distilgpt2',
    revision: '2290a62682d06624634c1f46a6ad5be0f47f38aa',
    checksums: { 'model.safetensors': 'e1ff18884359fe8beb795a5f414feb85a6ce3d929ad019c0d958c039d2b94a1b' },
  },
  transformers: {
    id: 'Xenova/distilgpt2',
    revision: 'a41c10485c18a64b6606729b6a082330cbd8f49e',
    checksums: { [onnxFile('fp32')]: 'd605c4b3740df3960e8f84e4c5735af8d81d19105eb915b692272c08cc800b0c' },
  },
};
const distilgpt2Names: ReadonlySet<string> = new Set(['distilgpt2', ...engines.map((engine) => distilgpt2[engine].id)]);

/** @see huggingface_hub's validate_repo_id */
const hubId = /^(?:[A-Za-z0-9_][\w.-]{0,95}\/)?[A-Za-z0-9_](?:[\w.-]{0,94}[A-Za-z0-9_])?$/;
const isHubId = (model: string): boolean => hubId.test(model) && !/--|\.\.|[-.]\/|\.git$/.test(model);

/** Without MODEL there is only one quick attempt, because the shipped model is a fallback. */
const oneTry = { tries: 1, timeouts: { connectMs: 5_000, stallMs: 30_000 } };
const manyTries = { tries: 4, timeouts: { connectMs: 10_000, stallMs: 30_000 } };

const shippedFolder = fileURLToPath(new URL('../../../../models/tiny-tales', import.meta.url));

export interface ResolveOptions {
  readonly signal: AbortSignal;
  readonly onProgress: OnLoadProgress;
}

type FetchOptions = ResolveOptions & typeof oneTry;

/** @throws {AppError} `engine_unavailable` when the model is not available; nothing replaces an explicit model */
export async function resolveModel(choice: ModelChoice, options: ResolveOptions): Promise<ResolvedModel> {
  if (choice.engine === 'batched' && choice.dtype !== undefined && !isBatchedDtype(choice.dtype)) {
    throw new AppError('engine_unavailable', {
      message: `the engine batched computes in fp32 or int8, not in ${choice.dtype}`,
    });
  }
  const found = await findModel({ ...choice, dtype: choice.dtype ?? 'fp32' }, options);
  // All dtypes of `batched` use the same files, so the dtype can be chosen after the download.
  if (choice.dtype !== undefined || found.engine !== 'batched') return found;
  return { ...found, dtype: await readDefaultDtype(found.folder, found.checksum) };
}

async function findModel(choice: DefiniteChoice, options: ResolveOptions): Promise<ResolvedModel> {
  const { model } = choice;
  if (model === undefined) return await resolveDefault(choice, options);
  if (model === 'shipped') return await fromFolder(shippedFolder, choice, options);
  if (await isFolder(model)) return await fromFolder(resolve(model), choice, options);
  if (!isHubId(model)) throw new AppError('engine_unavailable', { message: pathProblem(model) });
  return await fromHub(model, choice, { ...options, ...manyTries }).catch((cause: unknown) => {
    options.signal.throwIfAborted();
    throw new AppError('engine_unavailable', { message: `${model} is not available`, cause });
  });
}

/** Explains why a MODEL that is not a hub id does not name a folder either. */
function pathProblem(model: string): string {
  const why = existsSync(model) ? 'is a file, not a folder' : `names a folder that is not there: ${resolve(model)}`;
  const hint = model.startsWith('~') ? '; ~ is not expanded here, so write the whole path' : '';
  return `MODEL is ${JSON.stringify(model)}, which ${why}${hint}`;
}

async function resolveDefault(choice: DefiniteChoice, options: ResolveOptions): Promise<ResolvedModel> {
  try {
    return await fromHub('distilgpt2', choice, { ...options, ...oneTry });
  } catch (error) {
    options.signal.throwIfAborted();
    const hasDtype = choice.engine !== 'transformers' && isBatchedDtype(choice.dtype);
    const shipped = await fromFolder(shippedFolder, hasDtype ? choice : { ...choice, dtype: 'fp32' }, options);
    const fallbackReason = `distilgpt2 is not available (${errorLine(error)}), so the small model ${shipped.name} of this repository runs instead.`;
    return { ...shipped, fallbackReason };
  }
}

/** The engines that may run a model, in order of preference. */
function candidatesOf({ engine, dtype }: DefiniteChoice): readonly Engine[] {
  if (engine !== 'auto') return [engine];
  return isBatchedDtype(dtype) ? engines : ['transformers'];
}

async function fromFolder(folder: string, choice: DefiniteChoice, options: ResolveOptions): Promise<ResolvedModel> {
  const described = await describeModel(folder, candidatesOf(choice), choice.dtype, options.onProgress);
  return { ...described, name: basename(folder), revision: shortChecksumOf(described), fallbackReason: null };
}

async function fromHub(model: string, choice: DefiniteChoice, options: FetchOptions): Promise<ResolvedModel> {
  const { dtype, modelDir, revision: wanted } = choice;
  const candidates = candidatesOf(choice);
  for (const engine of candidates) {
    const { repository } = sourceOf(model, choice, engine);
    const folder = folderOf(modelDir, repository, { engine, dtype });
    const isComplete = (await readManifest(folder)) !== null;
    if (isComplete) return await fromDownload(folder, repository, { engine, dtype }, options);
  }
  const [first = 'transformers'] = candidates;
  const { repository, pinned } = sourceOf(model, choice, first);
  const request = { repository, ...options };
  const source = hubSource(request);
  // A pinned model has a repository of its own for each engine.
  const { engine, files } = await findLayout(source, pinned === null ? candidates : [first], dtype);
  const checksums = wanted === undefined || wanted === pinned?.revision ? (pinned?.checksums ?? {}) : {};
  const variant = { engine, dtype };
  const folder = await downloadModel({ ...request, source, files, variant, modelDir, pinned: checksums });
  return await fromDownload(folder, repository, variant, options);
}

function sourceOf(
  model: string,
  { revision, hubEndpoint }: ModelChoice,
  engine: Engine,
): { repository: Repository; pinned: PinnedModel | null } {
  const pinned = distilgpt2Names.has(model) ? distilgpt2[engine] : null;
  const repository = {
    endpoint: hubEndpoint.replace(/\/+$/, ''),
    id: pinned?.id ?? model,
    revision: revision ?? pinned?.revision ?? 'main',
  };
  return { repository, pinned };
}

async function fromDownload(
  folder: string,
  { id, revision }: Repository,
  { engine, dtype }: Variant,
  { onProgress }: ResolveOptions,
): Promise<ResolvedModel> {
  const described = await describeModel(resolve(folder), [engine], dtype, onProgress);
  const manifest = await readManifest(folder);
  const commit = manifest?.commit ?? null;
  const isUntouched = commit !== null && isDeepStrictEqual(described.files, manifest?.files);
  return {
    ...described,
    name: basename(id),
    revision: isUntouched ? commit : `${commit ?? revision}+${shortChecksumOf(described)}`,
    fallbackReason: null,
  };
}

const shortChecksumOf = ({ checksum }: DescribedModel): string => checksum.slice(0, 12);

const isFolder = async (path: string): Promise<boolean> => (await stat(path).catch(() => null))?.isDirectory() === true;
