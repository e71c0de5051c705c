/** The sizes and choices of a decoder-only transformer: data that the step runs, whatever the model's family. */
import { paddedWidth } from '@prosemill/kernel';

/** The function between the two layers of an MLP; `gelu-tanh` is GELU's approximation by tanh. */
export type Activation = 'gelu-tanh' | 'gelu' | 'relu';

/** E = width, H = heads, I = innerWidth, V = vocabulary, P = positions. */
export interface DecoderShape {
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
  /** Width of the MLP's hidden layer. */
  readonly innerWidth: number;
  readonly vocabulary: number;
  readonly positions: number;
  readonly epsilon: number;
  readonly activation: Activation;
}

/**
 * The widths in memory. The kernel computes 16 numbers at a time, so rows and heads are padded with zeros. They change
 * no result.
 */
export interface PaddedWidths {
  /** D: one head's queries, keys or values. */
  readonly head: number;
  /** A = H · D. */
  readonly attention: number;
  /** E. */
  readonly row: number;
  /** I. */
  readonly inner: number;
}

export function paddedWidths({ heads, width, innerWidth }: DecoderShape): PaddedWidths {
  const head = paddedWidth(width / heads);
  return { head, attention: heads * head, row: paddedWidth(width), inner: paddedWidth(innerWidth) };
}

/** The linear layers with weights, in the order of their numbers: four for each layer, then the head. */
export const linearsPerLayer = 4;
export const linearCount = ({ layers }: DecoderShape): number => linearsPerLayer * layers + 1;
/** The layer after the activation has inputs from −0.17 upwards, so it needs no negative numbers in int8. */
export const isAfterActivation = (linear: number): boolean => linear % linearsPerLayer === linearsPerLayer - 1;
/** The uint8 value that stands for 0 in a product's input. */
export const zeroPointOf = (linear: number): 0 | 128 => (isAfterActivation(linear) ? 0 : 128);
/** Added to the inputs of the layer after the activation. GELU is never below −0.17004; less than −0.17 is rounded. */
export const activationOffset = ({ activation }: DecoderShape): number => (activation === 'relu' ? 0 : 0.17);

/** The norms: two for each layer, then the final one. */
export const normCount = ({ layers }: DecoderShape): number => 2 * layers + 1;
