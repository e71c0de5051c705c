/** The page of the service: the files that `apps/web` builds, in memory. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { getMimeType } from 'hono/utils/mime';

/** The content codings of files that a build has compressed, smallest first, with the endings of their names. */
const codings = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const;

type Bytes = Awaited<ReturnType<typeof readFile>>;

export type ContentCoding = (typeof codings)[number][0];

export interface PageFile {
  readonly mediaType: string;
  /** Weak: the same for all content codings. */
  readonly etag: string;
  readonly content: Bytes;
  /** Smallest first. */
  readonly compressed: readonly { readonly coding: ContentCoding; readonly content: Bytes }[];
}

export interface Page {
  readonly document: PageFile;
  /** By name. */
  readonly assets: ReadonlyMap<string, PageFile>;
}

/** @param folder  Has `index.html`, and the files that it loads in `assets/`, with `.br` and `.gz` beside each. */
export async function readPage(folder: string): Promise<Page> {
  const assets = join(folder, 'assets');
  const names = (await readdir(assets)).filter((name) => codings.every(([, ending]) => !name.endsWith(ending)));
  const files = names.map(async (name) => [name, await readPageFile(join(assets, name))] as const);
  return { document: await readPageFile(join(folder, 'index.html')), assets: new Map(await Promise.all(files)) };
}

async function readPageFile(path: string): Promise<PageFile> {
  const content = await readFile(path);
  const compressed = await Promise.all(
    codings.map(async ([coding, ending]) => {
      const compressedContent = await readIfThere(path + ending);
      return compressedContent === null ? [] : [{ coding, content: compressedContent }];
    }),
  );
  return {
    mediaType: getMimeType(basename(path)) ?? 'application/octet-stream',
    etag: `W/"${createHash('sha256').update(content).digest('base64url')}"`,
    content,
    compressed: compressed.flat(),
  };
}

async function readIfThere(path: string): Promise<Bytes | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
