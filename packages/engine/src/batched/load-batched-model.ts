/** The engine `batched`: GPT-2 models, many texts at a time. */
import type { LoadMessage } from '../child/messages.ts';
import type { ModelRunner } from '../child/model-runner.ts';
import { BatchLoop } from './batch-loop.ts';
import { type BatchedDtype, buildGpt2Graph, graphVersion } from './gpt2-graph.ts';
import { Gpt2Session } from './gpt2-session.ts';
import { readGpt2Weights } from './gpt2-weights.ts';

/** @throws {AppError} `engine_unavailable` when the folder holds no GPT-2 model */
export async function loadBatchedModel({ folder, dtype, threads, slots }: LoadMessage): Promise<ModelRunner> {
  const weights = await readGpt2Weights(folder);
  const { shape } = weights;
  const session = await Gpt2Session.create(buildGpt2Graph(weights, dtype as BatchedDtype), shape, threads);
  const loop = new BatchLoop({ session, shape, slots });
  return {
    version: graphVersion,
    endIds: new Set(shape.endIds),
    run: async (textRun, onStart) => await loop.run(textRun, onStart),
  };
}
