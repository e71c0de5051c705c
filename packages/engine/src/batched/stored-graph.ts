/** A session on the graph that is stored beside the models, or is made and stored now. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorLine } from '@prosemill/core';
import { buildGraph, type GraphSource } from './build-graph.ts';
import { Gpt2Session } from './gpt2-session.ts';
import { graphFileOf, graphLabel } from './graph-file.ts';

export interface StoredGraph extends GraphSource {
  /** Where downloaded models are kept. */
  readonly modelDir: string;
}

/** From the stored graph if it is this model's and can be read: a start then takes as long as reading the file. */
export async function openStoredGraph({ modelDir, ...source }: StoredGraph): Promise<Gpt2Session> {
  const { model, threads } = source;
  const graphFile = graphFileOf(modelDir, { ...model, dtype: source.dtype });
  const label = graphLabel({ ...model, dtype: source.dtype });
  const end = await readEnd(graphFile, label.length);
  if (end !== null) {
    try {
      if (!end.equals(label)) throw new RangeError('it is cut off, or the graph of another model');
      return await Gpt2Session.create(graphFile, model.shape, threads);
    } catch (error) {
      // A damaged file is made anew; the worker's log shows why.
      process.stderr.write(`${graphFile} cannot be loaded and is made anew: ${errorLine(error)}\n`);
      await rm(graphFile, { force: true }).catch(() => undefined);
    }
  }
  const graph = await buildGraph(source);
  const isStored = await storeGraph(graphFile, [graph, label]);
  return await Gpt2Session.create(isStored ? graphFile : graph, model.shape, threads);
}

/** @returns false where nothing can be written */
async function storeGraph(graphFile: string, parts: readonly Uint8Array[]): Promise<boolean> {
  const partial = `${graphFile}.partial-${randomUUID()}`;
  try {
    await mkdir(dirname(graphFile), { recursive: true });
    await writeFile(partial, parts);
    await rename(partial, graphFile);
    return true;
  } catch {
    await rm(partial, { force: true }).catch(() => undefined);
    return false;
  }
}

/** The last bytes of a file, fewer of a shorter one; null when there is no file that can be read. */
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
