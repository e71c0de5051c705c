/** @module Internals of the engine, for the benchmarks only. */
export type { DecoderShape } from './decoder/decoder-shape.ts';
export { decoderVersion } from './decoder/decoder-version.ts';
export type { DecoderLayer, DecoderWeights, Linear, Norm } from './decoder/decoder-weights.ts';
export { type StepPart, stepParts } from './decoder/thread-step.ts';
export { loadBatchedModel } from './loop/load-batched-model.ts';
export { describeModel } from './models/describe-model.ts';
export { microsoftDomain, OnnxGraph, type Value } from './onnx/onnx-graph.ts';
export { childEnvironment } from './worker/child-environment.ts';
export { TextRun } from './sampling/text-run.ts';
export { createTokenizer } from '@prosemill/tokenizer';
export { InferenceSession, Tensor } from 'onnxruntime-node';
