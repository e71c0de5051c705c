/**
 * The keys and values of running texts of about one length. Each layer has one array of keys and one of values, shape
 * [rows, H, T, D] with the rows outermost. The used rows are always the first ones, so that the graph takes a view of
 * them without a copy.
 * T is fixed, and a text that outgrows its lane moves to the next: long and short texts share a step without sharing a
 * T. Results do not depend on the lane: positions behind a text's length have an attention weight of exactly 0, and the
 * order of summation does not depend on T.
 */
import type { KeysValues, LaneInput } from './step.ts';

export interface KvShape {
  readonly layers: number;
  readonly heads: number;
  /** D; must be even. */
  readonly headWidth: number;
}

/** Unneeded memory is freed after this many steps, not at once, because texts come and go. */
const shrinkAfterSteps = 100;

/** The first positions of one row of a larger array. */
export interface RowSlice {
  /** The keys and values of each layer, shape [B, H, S, D]. */
  readonly data: readonly KeysValues[];
  /** The index among the B rows. */
  readonly row: number;
  /** S. */
  readonly stride: number;
  /** The number of positions, at most S. */
  readonly length: number;
}

export class KvLane {
  /** T: the capacity of each row in positions. */
  readonly size: number;
  readonly #shape: KvShape;
  #arrays: readonly KeysValues[];
  /** Shape [capacity, 1+T], with the new position first. Unused rows see only the new position. */
  #mask = new Float32Array();
  readonly #lengths: number[] = [];
  /** The number of consecutive steps in which at most a quarter of the reserved rows were used. */
  #sparseSteps = 0;

  constructor(size: number, shape: KvShape) {
    this.size = size;
    this.#shape = shape;
    this.#arrays = Array.from({ length: shape.layers }, () => [new Float32Array(), new Float32Array()] as const);
  }

  /** The number of positions in each row, at most `size`. */
  get lengths(): readonly number[] {
    return this.#lengths;
  }

  /** The first `rows` rows as inputs of the graph. Unused rows among them hold arbitrary numbers. */
  input(rows: number): LaneInput {
    this.#reserve(rows);
    return {
      rows,
      pastLength: this.size,
      mask: this.#mask.subarray(0, rows * (1 + this.size)),
      past: (layer) => this.#view(layer, 0, rows),
    };
  }

  /** One row's keys and values, shape [1, H, T, D]. */
  row(row: number): (layer: number) => KeysValues {
    return (layer) => this.#view(layer, row, 1);
  }

  /** @returns the index of the new row, which is empty */
  addRow(): number {
    const row = this.#lengths.length;
    this.#reserve(row + 1);
    this.#lengths.push(0);
    return row;
  }

  extend(row: number, from: RowSlice): void {
    const { heads, headWidth } = this.#shape;
    const place = this.#lengths[row] ?? 0;
    for (const [layer, pair] of this.#arrays.entries()) {
      for (const [part, target] of pair.entries()) {
        const source = from.data[layer]?.[part] ?? new Float32Array();
        for (let head = 0; head < heads; head += 1) {
          const start = (from.row * heads + head) * from.stride * headWidth;
          const block = source.subarray(start, start + from.length * headWidth);
          target.set(block, ((row * heads + head) * this.size + place) * headWidth);
        }
      }
    }
    this.#setLength(row, place + from.length);
  }

  /** A row as the source of a copy into another lane. */
  sliceOf(row: number): RowSlice {
    return { data: this.#arrays, row, stride: this.size, length: this.#lengths[row] ?? 0 };
  }

  /**
   * Appends a step's new position to each row.
   * @param offset  The step's first row that belongs to this lane.
   */
  append(newRows: readonly KeysValues[], offset: number): void {
    for (const [layer, [keys, values]] of newRows.entries()) {
      const [pastKeys, pastValues] = this.#arrays[layer] ?? [keys, values];
      this.#appendTo(pastKeys, keys, offset);
      this.#appendTo(pastValues, values, offset);
    }
    for (const [row, length] of this.#lengths.entries()) this.#setLength(row, length + 1);
    const isSparse = capacityFor(this.#lengths.length) <= this.#capacity / 4 && this.#capacity > 0;
    this.#sparseSteps = isSparse ? this.#sparseSteps + 1 : 0;
  }

  /** The number of positions that memory is reserved for. */
  get reserved(): number {
    return this.#capacity * this.size;
  }

  /** Frees memory that has not been needed for a while. */
  shrink(): void {
    if (this.#sparseSteps < shrinkAfterSteps) return;
    this.#resize(capacityFor(this.#lengths.length));
    this.#sparseSteps = 0;
  }

  /** Removes a row and moves the last row into its place. */
  removeRow(row: number): void {
    const last = this.#lengths.length - 1;
    if (row !== last) {
      this.#setLength(row, 0);
      this.extend(row, this.sliceOf(last));
    }
    this.#setLength(last, 0);
    this.#lengths.pop();
  }

  #reserve(rows: number): void {
    if (rows > this.#capacity) this.#resize(capacityFor(rows));
  }

  #resize(capacity: number): void {
    const used = this.#lengths.length * this.#rowSize;
    const resized = (array: Float32Array): Float32Array => {
      const other = new Float32Array(capacity * this.#rowSize);
      other.set(array.subarray(0, used));
      // Frees the old memory at once, not at the next garbage collection.
      (array.buffer as ArrayBuffer).transfer(0);
      return other;
    };
    this.#arrays = this.#arrays.map(([keys, values]) => [resized(keys), resized(values)]);
    this.#mask = new Float32Array(capacity * (1 + this.size));
    for (let row = 0; row < capacity; row += 1) this.#maskRow(row, this.#lengths[row] ?? 0);
  }

  #setLength(row: number, length: number): void {
    if (length < (this.#lengths[row] ?? 0)) this.#maskRow(row, length);
    else {
      const start = row * (1 + this.size) + 1;
      this.#mask.fill(0, start + (this.#lengths[row] ?? 0), start + length);
    }
    this.#lengths[row] = length;
  }

  #maskRow(row: number, length: number): void {
    const start = row * (1 + this.size);
    this.#mask.fill(0, start, start + 1 + length);
    this.#mask.fill(Number.NEGATIVE_INFINITY, start + 1 + length, start + 1 + this.size);
  }

  /** The innermost loop of a step. Its memory fits no CPU cache, so pairs are copied: wider stores wait less. */
  #appendTo(target: Float32Array, data: Float32Array, offset: number): void {
    const { heads, headWidth } = this.#shape;
    const pairs = headWidth / 2;
    const to = new Float64Array(target.buffer);
    const from = new Float64Array(data.buffer, data.byteOffset, data.length / 2);
    for (let row = 0; row < this.#lengths.length; row += 1) {
      const length = this.#lengths[row] ?? 0;
      for (let head = 0; head < heads; head += 1) {
        const source = ((offset + row) * heads + head) * pairs;
        const place = ((row * heads + head) * this.size + length) * pairs;
        for (let index = 0; index < pairs; index += 1) to[place + index] = from[source + index] as number;
      }
    }
  }

  #view(layer: number, row: number, rows: number): KeysValues {
    const [keys, values] = this.#arrays[layer] ?? [new Float32Array(), new Float32Array()];
    const [start, end] = [row * this.#rowSize, (row + rows) * this.#rowSize];
    return [keys.subarray(start, end), values.subarray(start, end)];
  }

  get #capacity(): number {
    return (this.#arrays[0]?.[0].length ?? 0) / this.#rowSize;
  }

  /** The number of elements in one row of a layer's keys. */
  get #rowSize(): number {
    return this.#shape.heads * this.size * this.#shape.headWidth;
  }
}

const capacityFor = (rows: number): number => (rows === 0 ? 0 : 2 ** Math.ceil(Math.log2(rows)));
