/** Opens a session on a model's stored graph, or builds and stores the graph first. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorLine } from '@prosemill/core';
import { type OnLoadProgress, type OnShare, partOf } from '../load-progress.ts';
import { buildGraph, type GraphSource } from './build-graph.ts';
import { Gpt2Session } from './gpt2-session.ts';
import { graphFileOf, graphLabel } from './graph-file.ts';

export interface StoredGraph extends GraphSource {
  readonly modelDir: string;
  readonly onProgress: OnLoadProgress;
}

/** Computing the graph takes about this share of the building phase; writing it to the disk takes the rest. */
const builtShare = { fp32: 0.7, int8: 0.95 } as const;
const pieceBytes = 2 ** 22;

/** Uses the stored graph if it is readable and belongs to this model: then a start takes only the time to read it. */
export async function openStoredGraph({ modelDir, onProgress, ...source }: StoredGraph): Promise<Gpt2Session> {
  const { model, dtype, threads } = source;
  const openGraph = async (graph: string | Uint8Array): Promise<Gpt2Session> => {
    onProgress('opening', 0, 0);
    return await Gpt2Session.create(graph, model.shape, threads);
  };
  const graphFile = graphFileOf(modelDir, { ...model, dtype });
  const label = graphLabel({ ...model, dtype });
  const end = await readEnd(graphFile, label.length);
  if (end !== null) {
    try {
      if (!end.equals(label)) throw new RangeError('it is cut off, or the graph of another model');
      return await openGraph(graphFile);
    } catch (error) {
      // The worker's log shows lines of standard error.
      process.stderr.write(`${graphFile} cannot be loaded and is rebuilt: ${errorLine(error)}\n`);
      await rm(graphFile, { force: true }).catch(() => undefined);
    }
  }
  const onShare: OnShare = (share) => onProgress(`building-${dtype}`, share, 1);
  onShare(0);
  const graph = await buildGraph(source, partOf(onShare, 0, builtShare[dtype]));
  const isStored = await storeGraph(graphFile, [graph, label], partOf(onShare, builtShare[dtype], 1));
  return await openGraph(isStored ? graphFile : graph);
}

/** @returns false if the file cannot be written */
async function storeGraph(graphFile: string, parts: readonly Uint8Array[], onShare: OnShare): Promise<boolean> {
  const partial = `${graphFile}.partial-${randomUUID()}`;
  try {
    await mkdir(dirname(graphFile), { recursive: true });
    await writeFile(partial, piecesOf(parts, onShare));
    await rename(partial, graphFile);
    return true;
  } catch {
    await rm(partial, { force: true }).catch(() => undefined);
    return false;
  }
}

/** @param onShare  Called with the share of the bytes that have been consumed. */
function* piecesOf(parts: readonly Uint8Array[], onShare: OnShare): Generator<Uint8Array> {
  const total = parts.reduce((sum, { length }) => sum + length, 0);
  let taken = 0;
  for (const part of parts) {
    for (let start = 0; start < part.length; start += pieceBytes) {
      const piece = part.subarray(start, start + pieceBytes);
      yield piece;
      taken += piece.length;
      onShare(taken / total);
    }
  }
}

/** The last bytes of a file, or all bytes of a shorter file; null if no file can be read. */
async function readEnd(path: string, length: number): Promise<Buffer | null> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, Math.max(0, size - length));
    return buffer.subarray(0, bytesRead);
  } catch {
    return null;
  }
}
