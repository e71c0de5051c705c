/** Downloads a model's files from the hub into a folder of their own, all or nothing. */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '@prosemill/core';
import type { OnLoadProgress } from '../load-progress.ts';
import type { Checksums } from './describe-model.ts';
import { downloadHubFile, type HubFile, type Repository } from './hub.ts';
import { type HubRequest, type HubSource, withRetries } from './hub-source.ts';
import type { Variant } from './model-files.ts';

export interface DownloadOptions extends HubRequest {
  readonly source: HubSource;
  /** The paths of the files, config.json first. */
  readonly files: readonly string[];
  readonly variant: Variant;
  readonly modelDir: string;
  /** The checksums that are known before the download, by path. */
  readonly pinned: Checksums;
  readonly onProgress: OnLoadProgress;
}

/** The description of a complete download, stored in its folder. An incomplete download has none. */
export interface DownloadManifest {
  readonly repository: string;
  readonly revision: string;
  /** Null when the server does not send it. */
  readonly commit: string | null;
  /** The sha256 of each file that was written. */
  readonly files: Checksums;
}

const manifestName = 'download.json';
const partialPrefix = '.partial-';
/** An older partial download belongs to no running process. */
const partialLifeMs = 24 * 60 * 60 * 1_000;

/** The folder of a model's complete download. */
export function folderOf(modelDir: string, { id, revision }: Repository, { engine, dtype }: Variant): string {
  const files = engine === 'batched' ? 'safetensors' : `onnx-${dtype}`;
  return join(modelDir, ...id.split('/'), encodeURIComponent(revision), files);
}

/** @returns null when the folder holds no complete download */
export async function readManifest(folder: string): Promise<DownloadManifest | null> {
  const text = await readFile(join(folder, manifestName), 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as DownloadManifest);
}

/**
 * Downloads into a temporary folder and renames it at the end. So a folder under its final name is complete even after
 * an interruption, and two concurrent downloads do not disturb each other.
 * @returns the folder
 * @throws {AppError} `engine_unavailable` with the reason
 */
export async function downloadModel(options: DownloadOptions): Promise<string> {
  const { repository, variant, modelDir } = options;
  const folder = folderOf(modelDir, repository, variant);
  await mkdir(dirname(folder), { recursive: true });
  await removeOldPartials(modelDir);
  // The reader of a model may be another user than its downloader; mkdtemp would deny that user access.
  const partial = join(modelDir, `${partialPrefix}${randomUUID()}`);
  await mkdir(partial);
  try {
    const manifest = await downloadInto(partial, options);
    await writeFile(join(partial, manifestName), JSON.stringify(manifest, null, 2));
    await rename(partial, folder).catch(async (error: unknown) => {
      // Another process may have finished the same download first.
      if ((await readManifest(folder)) === null) throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return folder;
}

async function downloadInto(folder: string, options: DownloadOptions): Promise<DownloadManifest> {
  const { source, repository, pinned, timeouts, signal, onProgress } = options;
  const checksums: Record<string, string> = {};
  const files = (await Promise.all(options.files.map((path) => source.find(path)))).filter((file) => file !== null);
  const total = files.reduce((sum, { size }) => sum + (size ?? 0), 0);
  let done = 0;

  async function save(file: HubFile): Promise<void> {
    const target = join(folder, file.path);
    await mkdir(dirname(target), { recursive: true });
    const actual = await withRetries(options, () =>
      downloadHubFile(file, target, timeouts, signal, (count) => onProgress('downloading', done + count, total)),
    );
    const expected = pinned[file.path] ?? file.sha256;
    if (expected !== null && actual !== expected) {
      throw new AppError('engine_unavailable', {
        message: `${file.path} of ${repository.id} has the checksum ${actual}, but ${expected} is expected`,
      });
    }
    checksums[file.path] = actual;
    done += file.size ?? 0;
  }

  for (const file of files) await save(file);
  const commit = files[0]?.commit ?? null;
  return { repository: repository.id, revision: repository.revision, commit, files: checksums };
}

async function removeOldPartials(modelDir: string): Promise<void> {
  for (const name of await readdir(modelDir)) {
    if (!name.startsWith(partialPrefix)) continue;
    const path = join(modelDir, name);
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs > partialLifeMs) await rm(path, { recursive: true, force: true });
  }
}
