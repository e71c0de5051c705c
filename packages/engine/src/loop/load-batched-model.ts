/** The engine `batched`: runs many texts at a time. */
import type { EngineStep } from '@prosemill/core';
import { env } from 'onnxruntime-node';
import { decoderVersion } from '../decoder/decoder-version.ts';
import type { NumberFormat } from '../decoder/memory-plan.ts';
import type { StepObserver } from '../decoder/thread-step.ts';
import { openDecoder } from '../families/open-decoder.ts';
import type { OnLoadProgress } from '../load-progress.ts';
import type { LoadMessage } from '../process/messages.ts';
import type { ModelRunner } from '../process/model-runner.ts';
import { promptBudget } from './admission.ts';
import { BatchLoop } from './batch-loop.ts';

export { prepareThreads } from '../decoder/decoder.ts';

export interface BatchedObservers {
  readonly onStep: (step: EngineStep) => void;
  readonly onProgress: OnLoadProgress;
  /** For the benchmarks. */
  readonly observer?: StepObserver;
}

/** @throws {AppError} `engine_unavailable` when the folder does not hold the weights that its config.json describes */
export async function loadBatchedModel(
  { model, modelDir, threads, slots }: Pick<LoadMessage, 'model' | 'modelDir' | 'threads' | 'slots'>,
  { onStep, onProgress, observer }: BatchedObservers,
): Promise<ModelRunner> {
  const { shape } = model;
  if (shape === null) throw new TypeError('batched was chosen for a model that it does not run');
  const decoder = await openDecoder({
    model: { ...model, shape },
    format: model.dtype as NumberFormat,
    modelDir,
    options: { threads, texts: slots, rows: slots + promptBudget, wanted: slots, observer },
    onProgress,
  });
  const loop = new BatchLoop({ decoder, onStep });
  return {
    version: `${decoderVersion} on onnxruntime ${env.versions.node ?? env.versions.common}`,
    run: async (textRun, onStart) => await loop.run(textRun, onStart),
  };
}
