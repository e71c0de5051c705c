/**
 * A decoder's weights in float32, in the order and with the widths that the step computes with, whatever the model's
 * family. The letters are those of decoder-shape.ts, padded.
 */
import type { DecoderShape } from './decoder-shape.ts';

/** y = x · weight + bias. */
export interface Linear {
  /** Shape [inputs, outputs]. */
  readonly weight: Float32Array;
  /** Shape [outputs]. */
  readonly bias: Float32Array;
  readonly inputs: number;
  readonly outputs: number;
}

/** Both have shape [E]. */
export interface Norm {
  readonly gain: Float32Array;
  readonly bias: Float32Array;
}

export interface DecoderLayer {
  readonly attentionNorm: Norm;
  /** [E] → [3A]: queries, multiplied by the factor of the scores already, then keys, then values; each [H, D]. */
  readonly attention: Linear;
  /** [A] → [E]. */
  readonly projection: Linear;
  readonly mlpNorm: Norm;
  /** [E] → [I]. */
  readonly mlpIn: Linear;
  /** [I] → [E]. */
  readonly mlpOut: Linear;
}

export interface DecoderWeights {
  readonly shape: DecoderShape;
  /** The token table, [V, E]. */
  readonly tokens: Float32Array;
  /** [P, E]. */
  readonly positions: Float32Array;
  readonly layers: readonly DecoderLayer[];
  readonly finalNorm: Norm;
  /** [V, E]; the token table itself if the model ties the two. */
  readonly head: Float32Array;
}

/** The layers in the order of their numbers, without the head. */
export const linearsOf = ({ layers }: DecoderWeights): readonly Linear[] =>
  layers.flatMap(({ attention, projection, mlpIn, mlpOut }) => [attention, projection, mlpIn, mlpOut]);

export const normsOf = ({ layers, finalNorm }: DecoderWeights): readonly Norm[] => [
  ...layers.flatMap(({ attentionNorm, mlpNorm }) => [attentionNorm, mlpNorm]),
  finalNorm,
];
