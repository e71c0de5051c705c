/**
 * A model in the form in which a decoder loads it: bytes by name, which go straight into the memory that its threads
 * share. The names: `tokens` [V, E], float16 in int8, else float32; `positions` [P, E]; `norm.N.gain` and `norm.N.bias`
 * [E]; and of each linear layer `linear.N.weights`, `linear.N.scales` [outputs] (int8 only) and `linear.N.bias`
 * [outputs] (none for the head). Weights in int8 are [outputs / 16][inputs / 2][16][2], the kernel's layout; in fp32
 * they are [inputs, outputs], for the head [outputs, inputs].
 */
import type { DecoderShape } from './decoder-shape.ts';
import { type DecoderWeights, linearsOf, normsOf } from './decoder-weights.ts';
import type { NumberFormat } from './memory-plan.ts';

export interface ModelParts {
  readonly shape: DecoderShape;
  readonly format: NumberFormat;
  /** Writes a part to the beginning of `target`. */
  readonly read: (name: string, target: Uint8Array) => Promise<void>;
}

/** The bytes of each part by its name. */
export type PartBytes = ReadonlyMap<string, Uint8Array>;

/** Parts that are in memory. */
export interface HeldParts extends ModelParts {
  readonly bytes: PartBytes;
}

export const bytesOf = (parts: Readonly<Record<string, ArrayBufferView>>): PartBytes =>
  new Map(
    Object.entries(parts).map(([name, { buffer, byteOffset, byteLength }]) => [
      name,
      new Uint8Array(buffer, byteOffset, byteLength),
    ]),
  );

export function holdParts(shape: DecoderShape, format: NumberFormat, bytes: PartBytes): HeldParts {
  const read = async (name: string, target: Uint8Array): Promise<void> => {
    const part = bytes.get(name);
    if (part === undefined) throw new RangeError(`The model has no part ${name}.`);
    target.set(part);
    await Promise.resolve();
  };
  return { shape, format, bytes, read };
}

/** The parts in fp32: the weights as they are. */
export function floatParts(weights: DecoderWeights): HeldParts {
  const linears = linearsOf(weights);
  const parts: Record<string, ArrayBufferView> = { ...sharedParts(weights), tokens: weights.tokens };
  for (const [index, { weight, bias }] of linears.entries()) {
    parts[`linear.${index}.weights`] = weight;
    parts[`linear.${index}.bias`] = bias;
  }
  parts[`linear.${linears.length}.weights`] = weights.head;
  return holdParts(weights.shape, 'fp32', bytesOf(parts));
}

/** The parts that are float32 in every format. */
export function sharedParts(weights: DecoderWeights): Record<string, Float32Array> {
  const parts: Record<string, Float32Array> = { positions: weights.positions };
  for (const [index, { gain, bias }] of normsOf(weights).entries()) {
    parts[`norm.${index}.gain`] = gain;
    parts[`norm.${index}.bias`] = bias;
  }
  return parts;
}
