/** A model's files from the hub into a folder of their own, all or nothing. */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError, backoffMs, reconnectBackoff } from '@prosemill/core';
import { setTimeout as wait } from 'node:timers/promises';
import { downloadHubFile, type HubFile, type HubTimeouts, readHubJson, type Repository, statHubFile } from './hub.ts';
import { externalDataFiles, optionalFiles, requiredFiles, type Variant } from './model-files.ts';

/** Checksums by path that are known before the download, 64 hex digits. */
export type Checksums = Readonly<Record<string, string>>;

export interface DownloadOptions {
  readonly repository: Repository;
  readonly variant: Variant;
  readonly modelDir: string;
  readonly pinned: Checksums;
  /** Tries for each request, at least 1; each wait between them is longer. */
  readonly tries: number;
  readonly timeouts: HubTimeouts;
  readonly signal: AbortSignal;
  /** `received` of `total` bytes. */
  readonly onProgress: (received: number, total: number) => void;
}

/** What a finished download says about itself; the folder has it only when it is complete. */
export interface DownloadManifest {
  readonly repository: string;
  readonly revision: string;
  /** Null when the server does not tell. */
  readonly commit: string | null;
  /** sha256 by path, of what was written. */
  readonly files: Checksums;
}

const manifestName = 'download.json';
const partialPrefix = '.partial-';
/** Older ones belong to no running download. */
const partialLifeMs = 24 * 60 * 60 * 1_000;

/** Where a model lies once it is complete. */
export function folderOf(
  modelDir: string,
  { id, revision }: Omit<Repository, 'endpoint'>,
  { engine, dtype }: Variant,
): string {
  const files = engine === 'batched' ? 'safetensors' : `onnx-${dtype}`;
  return join(modelDir, ...id.split('/'), encodeURIComponent(revision), files);
}

/** Null when the folder holds no complete download. */
export async function readManifest(folder: string): Promise<DownloadManifest | null> {
  const text = await readFile(join(folder, manifestName), 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as DownloadManifest);
}

/**
 * Downloads into a folder beside the final one and renames it at the end: a folder under its final name is complete, whatever was
 * interrupted, and two processes that download at once do not disturb each other.
 * @returns the folder
 * @throws {AppError} `engine_unavailable` with the reason
 */
export async function downloadModel(options: DownloadOptions): Promise<string> {
  const { repository, variant, modelDir } = options;
  const folder = folderOf(modelDir, repository, variant);
  await mkdir(dirname(folder), { recursive: true });
  await removeOldPartials(modelDir);
  // Whoever fetches a model is not always who reads it: mkdtemp would keep others out.
  const partial = join(modelDir, `${partialPrefix}${randomUUID()}`);
  await mkdir(partial);
  try {
    const manifest = await downloadInto(partial, options);
    await writeFile(join(partial, manifestName), JSON.stringify(manifest, null, 2));
    await rename(partial, folder).catch(async (error: unknown) => {
      // Another process was faster.
      if ((await readManifest(folder)) === null) throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return folder;
}

async function downloadInto(folder: string, options: DownloadOptions): Promise<DownloadManifest> {
  const { repository, variant, pinned, timeouts, signal, onProgress } = options;
  const checksums: Record<string, string> = {};
  const received = new Map<string, number>();

  async function find(path: string): Promise<HubFile | null> {
    return await persistently(options, () => statHubFile(repository, path, timeouts, signal));
  }

  async function findRequired(path: string): Promise<HubFile> {
    const file = await find(path);
    if (file !== null) return file;
    throw new AppError('engine_unavailable', {
      message: `${repository.id} at ${repository.revision} has no ${path}, which the engine ${variant.engine} needs`,
    });
  }

  async function save(file: HubFile): Promise<void> {
    const target = join(folder, file.path);
    await mkdir(dirname(target), { recursive: true });
    const actual = await persistently(options, () =>
      downloadHubFile(file, target, timeouts, signal, (count) => {
        received.set(file.path, count);
        // The first file says nothing about how much there is in all.
        if (total > 0) onProgress(sum(received.values()), total);
      }),
    );
    const expected = pinned[file.path] ?? file.sha256;
    if (expected !== null && actual !== expected) {
      throw new AppError('engine_unavailable', {
        message: `${file.path} of ${repository.id} has the checksum ${actual}, but ${expected} is expected`,
      });
    }
    checksums[file.path] = actual;
  }

  // The first request alone: where there is no network, it says so once.
  const config = await findRequired('config.json');
  let total = 0;
  await save(config);
  const externalData = externalDataFiles(await readFile(join(folder, config.path), 'utf8'), variant);
  const paths = [...requiredFiles(variant).filter((path) => path !== config.path), ...externalData];
  const required = await Promise.all(paths.map(findRequired));
  const optional = await Promise.all(optionalFiles.map(find));
  const files = [...required, ...optional.filter((file) => file !== null)];
  total = sum([config, ...files].map((file) => file.size ?? 0));
  for (const file of files) await save(file);
  return { repository: repository.id, revision: repository.revision, commit: config.commit, files: checksums };
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** The config.json of a repository, before it is known which other files are wanted. @throws {AppError} `engine_unavailable` */
export async function fetchConfig(
  options: Pick<DownloadOptions, 'repository' | 'tries' | 'timeouts' | 'signal'>,
): Promise<unknown> {
  const { repository, timeouts, signal } = options;
  return await persistently(options, async () => {
    const file = await statHubFile(repository, 'config.json', timeouts, signal);
    if (file === null) throw new AppError('engine_unavailable', { message: `${repository.id} has no config.json` });
    return await readHubJson(file, timeouts, signal);
  });
}

/** @throws {AppError} `engine_unavailable` when the hub does not say */
export async function hasFile(
  options: Pick<DownloadOptions, 'repository' | 'tries' | 'timeouts' | 'signal'>,
  path: string,
): Promise<boolean> {
  const { repository, timeouts, signal } = options;
  return (await persistently(options, () => statHubFile(repository, path, timeouts, signal))) !== null;
}

/** Repeats what failed for a reason that may pass: no answer, a broken download, 429 or a server's error. */
async function persistently<T>(
  { tries, signal }: Pick<DownloadOptions, 'tries' | 'signal'>,
  run: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      if (attempt >= tries || !(error instanceof AppError) || isFinal(error)) throw error;
      await wait(backoffMs(attempt, reconnectBackoff), undefined, { signal });
    }
  }
}

function isFinal({ details }: AppError): boolean {
  const status = details['status'];
  return typeof status === 'number' && status < 500 && status !== 429;
}

async function removeOldPartials(modelDir: string): Promise<void> {
  for (const name of await readdir(modelDir)) {
    if (!name.startsWith(partialPrefix)) continue;
    const path = join(modelDir, name);
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs > partialLifeMs) await rm(path, { recursive: true, force: true });
  }
}
