/** Divides the work of a step: each thread has some heads and some columns of every product. Pure. */
import { type DecoderShape, linearCount, linearsPerLayer, paddedWidths } from './decoder-shape.ts';

/** from ≤ index < to. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** The part of a linear layer that one thread computes. */
export interface LinearPart {
  readonly inputs: number;
  /** The thread's columns: multiples of 16, except for the end of the head. */
  readonly ranges: readonly Range[];
  /** The number of these columns, the padding of the head's last ones included. */
  readonly columns: number;
}

/** The thread's share of `count` equal things. */
export const shareOf = (count: number, { thread, threads }: { thread: number; threads: number }): Range => ({
  from: Math.floor((count * thread) / threads),
  to: Math.floor((count * (thread + 1)) / threads),
});

/**
 * The parts of all linear layers, in the order of their numbers. Attention needs no hand-over between threads, because
 * the columns of queries, keys and values follow the heads.
 */
export function partsOf(shape: DecoderShape, of: { thread: number; threads: number }): readonly LinearPart[] {
  const { head, attention, row, inner } = paddedWidths(shape);
  const blocks = (inputs: number, outputs: number): LinearPart => {
    const { from, to } = shareOf(Math.ceil(outputs / 16), of);
    return { inputs, ranges: [{ from: 16 * from, to: Math.min(16 * to, outputs) }], columns: 16 * (to - from) };
  };
  const heads = shareOf(shape.heads, of);
  const joined: LinearPart = {
    inputs: row,
    ranges: [0, 1, 2].map((third) => ({
      from: third * attention + head * heads.from,
      to: third * attention + head * heads.to,
    })),
    columns: 3 * head * (heads.to - heads.from),
  };
  const layer = [joined, blocks(attention, row), blocks(row, inner), blocks(inner, row)];
  const count = linearCount(shape);
  return Array.from({ length: count }, (_, index) =>
    index === count - 1 ? blocks(row, shape.vocabulary) : (layer[index % linearsPerLayer] as LinearPart),
  );
}
