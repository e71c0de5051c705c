/** A session on the graph that is stored beside the models, or is made and stored now. */
import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type BatchedDtype, buildGpt2Graph } from './gpt2-graph.ts';
import { Gpt2Session } from './gpt2-session.ts';
import { type Gpt2Shape, readGpt2Weights } from './gpt2-weights.ts';

export interface StoredGraph {
  /** Of the model. */
  readonly folder: string;
  readonly dtype: BatchedDtype;
  readonly graphFile: string;
  readonly shape: Gpt2Shape;
  readonly threads: number;
}

/** From the stored graph if there is one that can be read: a start then takes as long as reading the file. */
export async function openStoredGraph(graph: StoredGraph): Promise<Gpt2Session> {
  const { graphFile, shape, threads } = graph;
  if (await isThere(graphFile)) {
    try {
      return await Gpt2Session.create(graphFile, shape, threads);
    } catch {
      // A damaged file is made anew.
      await rm(graphFile, { force: true });
    }
  }
  return await Gpt2Session.create(await storeGraph(graph), shape, threads);
}

/** @returns the file, or the graph itself where nothing can be written */
async function storeGraph({ folder, dtype, graphFile }: StoredGraph): Promise<string | Uint8Array> {
  const graph = buildGpt2Graph(await readGpt2Weights(folder), dtype);
  const partial = `${graphFile}.partial-${process.pid}`;
  try {
    await mkdir(dirname(graphFile), { recursive: true });
    await writeFile(partial, graph);
    await rename(partial, graphFile);
    return graphFile;
  } catch {
    await rm(partial, { force: true }).catch(() => undefined);
    return graph;
  }
}

const isThere = async (path: string): Promise<boolean> =>
  await access(path).then(
    () => true,
    () => false,
  );
