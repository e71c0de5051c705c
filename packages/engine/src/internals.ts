/** @module Internals of the engine, for the benchmarks only. */
export type { Gpt2Shape } from './batched/gpt2-config.ts';
export { graphVersion } from './batched/graph-version.ts';
export type { Gpt2Layer, Gpt2Weights, Linear, Norm } from './batched/gpt2-weights.ts';
export { loadBatchedModel } from './batched/load-batched-model.ts';
export { describeModel } from './models/describe-model.ts';
export { microsoftDomain, OnnxGraph, type Value } from './batched/onnx-graph.ts';
export { childEnvironment } from './child-environment.ts';
export { TextRun } from './sampling/text-run.ts';
export { createTokenizer } from '@prosemill/tokenizer';
export { InferenceSession, Tensor } from 'onnxruntime-node';
