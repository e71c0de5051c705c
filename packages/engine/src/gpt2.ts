/** @module The parts that make a GPT-2 graph, for the benchmarks. */
export type { Gpt2Layer, Gpt2Weights, Linear, Norm } from './batched/gpt2-weights.ts';
export { microsoftDomain, OnnxGraph, type Value } from './batched/onnx-graph.ts';
