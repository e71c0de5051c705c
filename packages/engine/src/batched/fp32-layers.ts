import type { GraphLayers, LinearResult } from './graph-layers.ts';
import type { Gpt2Weights, Linear } from './gpt2-weights.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';

export class Fp32Layers implements GraphLayers {
  readonly #graph: OnnxGraph;
  readonly #tokens: Value;

  constructor(graph: OnnxGraph, { tokens, shape }: Gpt2Weights) {
    this.#graph = graph;
    this.#tokens = graph.constant(tokens, [shape.vocabulary, shape.width]);
  }

  embed(ids: Value): Value {
    return this.#graph.node('Gather', [this.#tokens, ids]);
  }

  linear(x: Value, { weight, bias, inputs, outputs }: Linear): LinearResult {
    return { product: this.#graph.node('MatMul', [x, this.#graph.constant(weight, [inputs, outputs])]), bias };
  }

  linearAfterGelu(x: Value, linear: Linear): LinearResult {
    return this.linear(x, linear);
  }

  head(x: Value): { logits: Value; scales: null } {
    return { logits: this.#graph.node('Gemm', [x, this.#tokens], { transB: 1 }), scales: null };
  }
}
