/**
 * A model in the form in which a decoder loads it: bytes by name, most of which go straight into the memory that its
 * threads share. The names: `tokens` [V, E]; `positions` [P, E]; `norm.N.gain` and `norm.N.bias` [E]; and of each
 * linear layer `linear.N.weights`, `linear.N.scales` [outputs] (int8 only) and `linear.N.bias` [outputs] (none for the
 * head). Weights in int8 are [outputs / 16][inputs / 2][16][2], the kernel's layout; in fp32 they are
 * [inputs, outputs], for the head [outputs, inputs].
 */
import { type DecoderShape, normCount, paddedWidths } from './decoder-shape.ts';
import { type DecoderWeights, linearsOf, normsOf } from './decoder-weights.ts';
import { type NumberFormat, storedLinears } from './memory-plan.ts';

export interface ModelParts {
  readonly shape: DecoderShape;
  readonly format: NumberFormat;
  /** Fills `target` with the bytes of a part from `from` on. Default: from its beginning. */
  readonly read: (name: string, target: Uint8Array, from?: number) => Promise<void>;
  /**
   * Makes the function that fills `target` with bytes of the part `tokens` from `from` on, and blocks meanwhile. A step
   * reads the rows of its tokens with it: the table would be a fifth of the memory, and a token needs one row.
   */
  readonly tokenReader: () => TokenReader;
  /** Ends reading. Idempotent. */
  readonly close: () => Promise<void>;
}

export type TokenReader = (target: Uint8Array, from: number) => void;

/** The bytes of each part by its name. */
export type PartBytes = ReadonlyMap<string, Uint8Array>;

/** Parts that are in memory. */
export interface HeldParts extends ModelParts {
  readonly bytes: PartBytes;
}

/** The size of each part in bytes. */
export function partSizes(shape: DecoderShape, format: NumberFormat): ReadonlyMap<string, number> {
  const { row } = paddedWidths(shape);
  const norms = Array.from({ length: normCount(shape) }, (_, index) => [`norm.${index}.gain`, `norm.${index}.bias`]);
  const linears = storedLinears(shape, format).flatMap(({ weightBytes, scaleBytes, biasBytes }, index) => [
    [`linear.${index}.weights`, weightBytes] as const,
    [`linear.${index}.scales`, scaleBytes] as const,
    [`linear.${index}.bias`, biasBytes] as const,
  ]);
  return new Map([
    ['tokens', 4 * row * shape.vocabulary],
    ['positions', 4 * row * shape.positions],
    ...norms.flat().map((name) => [name, 4 * row] as const),
    ...linears.filter(([, bytes]) => bytes > 0),
  ]);
}

export const bytesOf = (parts: Readonly<Record<string, ArrayBufferView>>): PartBytes =>
  new Map(
    Object.entries(parts).map(([name, { buffer, byteOffset, byteLength }]) => [
      name,
      new Uint8Array(buffer, byteOffset, byteLength),
    ]),
  );

export function holdParts(shape: DecoderShape, format: NumberFormat, bytes: PartBytes): HeldParts {
  const partOf = (name: string): Uint8Array => {
    const part = bytes.get(name);
    if (part === undefined) throw new RangeError(`The model has no part ${name}.`);
    return part;
  };
  const read = async (name: string, target: Uint8Array, from = 0): Promise<void> => {
    target.set(partOf(name).subarray(from, from + target.length));
    await Promise.resolve();
  };
  return { shape, format, bytes, read, tokenReader: () => readerOf(partOf('tokens')), close: async () => undefined };
}

/** Holds the table alone, not the other parts. */
const readerOf =
  (table: Uint8Array): TokenReader =>
  (target, from) =>
    target.set(table.subarray(from, from + target.length));

/** The parts in fp32: the weights as they are. */
export function floatParts(weights: DecoderWeights): HeldParts {
  const linears = linearsOf(weights);
  const parts = sharedParts(weights);
  for (const [index, { weight, bias }] of linears.entries()) {
    parts[`linear.${index}.weights`] = weight;
    parts[`linear.${index}.bias`] = bias;
  }
  parts[`linear.${linears.length}.weights`] = weights.head;
  return holdParts(weights.shape, 'fp32', bytesOf(parts));
}

/** The parts that are float32 in every format. */
export function sharedParts(weights: DecoderWeights): Record<string, Float32Array> {
  const { tokens, positions } = weights;
  const parts: Record<string, Float32Array> = { tokens, positions };
  for (const [index, { gain, bias }] of normsOf(weights).entries()) {
    parts[`norm.${index}.gain`] = gain;
    parts[`norm.${index}.bias`] = bias;
  }
  return parts;
}
