/** The engine `batched`: runs GPT-2 models, many texts at a time. */
import type { EngineStep } from '@prosemill/core';
import { env } from 'onnxruntime-node';
import type { LoadMessage } from '../child/messages.ts';
import type { ModelRunner } from '../child/model-runner.ts';
import type { OnLoadProgress } from '../load-progress.ts';
import { BatchLoop } from './batch-loop.ts';
import type { BatchedDtype } from './build-graph.ts';
import { graphVersion } from './graph-version.ts';
import { openStoredGraph } from './stored-graph.ts';

/** With fewer rows an fp32 kernel may sum in another order. In int8, sums of whole numbers are exact in any order. */
const alignment = { fp32: { minRows: 4, promptUnit: 16 }, int8: { minRows: 1, promptUnit: 4 } } as const;

/** @throws {AppError} `engine_unavailable` when the folder does not hold the weights that its config.json describes */
export async function loadBatchedModel(
  { model, modelDir, threads, slots }: Pick<LoadMessage, 'model' | 'modelDir' | 'threads' | 'slots'>,
  { onStep, onProgress }: { readonly onStep: (step: EngineStep) => void; readonly onProgress: OnLoadProgress },
): Promise<ModelRunner> {
  const { shape } = model;
  if (shape === null) throw new TypeError('batched was chosen for a model that it does not run');
  const dtype = model.dtype as BatchedDtype;
  const session = await openStoredGraph({ model: { ...model, shape }, dtype, modelDir, threads, onProgress });
  const loop = new BatchLoop({ session, shape, slots, onStep, ...alignment[dtype] });
  return {
    version: `${graphVersion} on onnxruntime ${env.versions.node ?? env.versions.common}`,
    run: async (textRun, onStart) => await loop.run(textRun, onStart),
  };
}
