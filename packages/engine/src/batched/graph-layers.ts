/** The layers that have weights. Each number format implements them. */
import type { Linear } from './gpt2-weights.ts';
import type { Value } from './onnx-graph.ts';

/** A linear layer's product, [N, outputs], and the bias, [outputs], which the caller must add. */
export interface LinearResult {
  readonly product: Value;
  readonly bias: Float32Array;
}

export interface GraphLayers {
  /** Token ids [N] → [N, E]. */
  embed(ids: Value): Value;
  /** [N, inputs] → [N, outputs]. */
  linear(x: Value, linear: Linear): LinearResult;
  /** Like `linear`, for the output of GELU, which is never below −0.17. */
  linearAfterGelu(x: Value, linear: Linear): LinearResult;
  /** [L, E] → [L, V]. The logits must be multiplied by `scales` [L, 1] unless that is null. */
  head(x: Value): { readonly logits: Value; readonly scales: Value | null };
}
