/** The engine `batched`: GPT-2 models, many texts at a time. */
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '@prosemill/core';
import type { LoadMessage } from '../child/messages.ts';
import type { ModelRunner } from '../child/model-runner.ts';
import { BatchLoop } from './batch-loop.ts';
import { type BatchedDtype, buildGpt2Graph } from './gpt2-graph.ts';
import { Gpt2Session } from './gpt2-session.ts';
import { type Gpt2Shape, parseGpt2Shape, readGpt2Weights } from './gpt2-weights.ts';
import { graphVersion } from './graph-version.ts';

/** In fp32 a kernel for fewer rows adds in another order; whole numbers add up to the same in any. */
const minRows: Readonly<Record<BatchedDtype, number>> = { fp32: 4, int8: 1 };

/** @throws {AppError} `engine_unavailable` when the folder holds no GPT-2 model */
export async function loadBatchedModel(load: LoadMessage): Promise<ModelRunner> {
  const shape = parseGpt2Shape(JSON.parse(await readFile(join(load.folder, 'config.json'), 'utf8')));
  if (shape === null) throw new AppError('engine_unavailable', { message: `${load.folder} holds no GPT-2 model` });
  const session = await openSession(load, shape);
  const loop = new BatchLoop({ session, shape, slots: load.slots, minRows: minRows[load.dtype as BatchedDtype] });
  return {
    version: graphVersion,
    endIds: new Set(shape.endIds),
    run: async (textRun, onStart) => await loop.run(textRun, onStart),
  };
}

/** From the stored graph if there is one that can be read: a start then takes as long as reading the file. */
async function openSession(load: LoadMessage, shape: Gpt2Shape): Promise<Gpt2Session> {
  const { graphFile, threads } = load;
  if (await isThere(graphFile)) {
    try {
      return await Gpt2Session.create(graphFile, shape, threads);
    } catch {
      // A damaged file is made anew.
      await rm(graphFile, { force: true });
    }
  }
  return await Gpt2Session.create(await storeGraph(load), shape, threads);
}

/** @returns the file, or the graph itself where nothing can be written */
async function storeGraph({ folder, dtype, graphFile }: LoadMessage): Promise<string | Uint8Array> {
  const graph = buildGpt2Graph(await readGpt2Weights(folder), dtype as BatchedDtype);
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
