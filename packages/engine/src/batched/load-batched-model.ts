/** The engine `batched`: GPT-2 models, many texts at a time. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, type EngineStep } from '@prosemill/core';
import { env } from 'onnxruntime-node';
import type { LoadMessage } from '../child/messages.ts';
import type { ModelRunner } from '../child/model-runner.ts';
import { BatchLoop } from './batch-loop.ts';
import type { BatchedDtype } from './build-graph.ts';
import { type Gpt2Shape, parseGpt2Shape } from './gpt2-weights.ts';
import { graphVersion } from './graph-version.ts';
import { openStoredGraph } from './stored-graph.ts';

/** In fp32 a kernel for fewer rows may add in another order; whole numbers add up to the same in any. */
const alignment = { fp32: { minRows: 4, promptUnit: 16 }, int8: { minRows: 1, promptUnit: 4 } } as const;

/** @throws {AppError} `engine_unavailable` when the folder holds no GPT-2 model */
export async function loadBatchedModel(load: LoadMessage, onStep: (step: EngineStep) => void): Promise<ModelRunner> {
  const { folder, graphFile, threads, slots, tokenizer } = load;
  const dtype = load.dtype as BatchedDtype;
  const shape = parseGpt2Shape(JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')));
  if (shape === null) throw new AppError('engine_unavailable', { message: `${folder} holds no GPT-2 model` });
  const session = await openStoredGraph({ folder, dtype, graphFile, shape, threads, tokenizer });
  const loop = new BatchLoop({ session, shape, slots, onStep, ...alignment[dtype] });
  return {
    version: `${graphVersion} on onnxruntime ${env.versions.node ?? env.versions.common}`,
    endIds: await endIdsOf(folder, shape),
    run: async (textRun, onStart) => await loop.run(textRun, onStart),
  };
}

/** As Hugging Face's generate takes them: of generation_config.json, and if it has none, of config.json. */
async function endIdsOf(folder: string, shape: Gpt2Shape): Promise<ReadonlySet<number>> {
  const text = await readFile(join(folder, 'generation_config.json'), 'utf8').catch(() => '{}');
  const { eos_token_id: ids } = JSON.parse(text) as { readonly eos_token_id?: number | readonly number[] | null };
  return new Set([ids ?? shape.endIds].flat());
}
