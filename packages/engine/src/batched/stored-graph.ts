/** A session on the graph that is stored beside the models, or is made and stored now. */
import { randomUUID } from 'node:crypto';
import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorLine } from '@prosemill/core';
import { buildGraph, type GraphSource } from './build-graph.ts';
import { Gpt2Session } from './gpt2-session.ts';
import type { Gpt2Shape } from './gpt2-weights.ts';

export interface StoredGraph extends GraphSource {
  readonly graphFile: string;
  readonly shape: Gpt2Shape;
}

/** From the stored graph if there is one that can be read: a start then takes as long as reading the file. */
export async function openStoredGraph(graph: StoredGraph): Promise<Gpt2Session> {
  const { graphFile, shape, threads } = graph;
  if (await isThere(graphFile)) {
    try {
      return await Gpt2Session.create(graphFile, shape, threads);
    } catch (error) {
      // A damaged file is made anew; the worker's log shows why.
      process.stderr.write(`${graphFile} cannot be loaded and is made anew: ${errorLine(error)}\n`);
      await rm(graphFile, { force: true }).catch(() => undefined);
    }
  }
  return await Gpt2Session.create(await storeGraph(graph), shape, threads);
}

/** @returns the file, or the graph itself where nothing can be written */
async function storeGraph({ graphFile, ...source }: StoredGraph): Promise<string | Uint8Array> {
  const graph = await buildGraph(source);
  const partial = `${graphFile}.partial-${randomUUID()}`;
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
