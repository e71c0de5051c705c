/**
 * Keys and values of the running texts of about one length. Each text is a row of one array a layer, shape [rows, H, T, D] with the rows outermost: the
 * first rows are always the used ones, so that a view of them is what the graph takes, without a copy.
 *
 * T is fixed: a text that outgrows its lane moves to the next, so that long and short texts share a step without sharing a T. Which of two lanes a text is in
 * does not show in its numbers: what lies behind its length has a share of exactly 0 in sums whose order does not depend on T.
 */
import type { KeysValues, LaneInput } from './step.ts';

export interface KvShape {
  readonly layers: number;
  readonly heads: number;
  /** D; even. */
  readonly headWidth: number;
}

/** Texts come and go: what is not needed for so many steps may be spared. */
const patientSteps = 100;

/** Positions of one row of something larger. */
export interface Content {
  /** Of each layer, shape [B, H, S, D]. */
  readonly data: readonly KeysValues[];
  /** Of the B. */
  readonly row: number;
  /** S. */
  readonly stride: number;
  /** The first so many of the S. */
  readonly length: number;
}

export class KvLane {
  /** T: room for positions in each row. */
  readonly size: number;
  readonly #shape: KvShape;
  /** Of each layer. */
  #arrays: readonly KeysValues[];
  /** Shape [capacity, 1+T]: the new position first. Rows that are not used see only that. */
  #mask = new Float32Array();
  readonly #lengths: number[] = [];
  /** Since at most a quarter of the rows that there is memory for are used. */
  #looseSteps = 0;

  constructor(size: number, shape: KvShape) {
    this.size = size;
    this.#shape = shape;
    this.#arrays = Array.from({ length: shape.layers }, () => [new Float32Array(), new Float32Array()] as const);
  }

  /** Positions in each row, at most `size`. */
  get lengths(): readonly number[] {
    return this.#lengths;
  }

  /** What the graph takes: so many rows, of which those that are not used hold numbers without meaning. */
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

  /** @returns the new row, of no positions */
  addRow(): number {
    const row = this.#lengths.length;
    this.#reserve(row + 1);
    this.#lengths.push(0);
    return row;
  }

  /** Adds positions to a row. */
  extend(row: number, from: Content): void {
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

  /** A row as another lane takes it over. */
  content(row: number): Content {
    return { data: this.#arrays, row, stride: this.size, length: this.#lengths[row] ?? 0 };
  }

  /**
   * One more position for each row, from a step over rows that go on.
   * @param offset  The step's first row that is this lane's.
   */
  append(newRows: readonly KeysValues[], offset: number): void {
    for (const [layer, [keys, values]] of newRows.entries()) {
      const [pastKeys, pastValues] = this.#arrays[layer] ?? [keys, values];
      this.#appendTo(pastKeys, keys, offset);
      this.#appendTo(pastValues, values, offset);
    }
    for (const [row, length] of this.#lengths.entries()) this.#setLength(row, length + 1);
    const isLoose = capacityFor(this.#lengths.length) <= this.#capacity / 4 && this.#capacity > 0;
    this.#looseSteps = isLoose ? this.#looseSteps + 1 : 0;
  }

  /** Positions that there is memory for. */
  get reserved(): number {
    return this.#capacity * this.size;
  }

  /** Memory that was not needed for a while. */
  giveBack(): void {
    if (this.#looseSteps < patientSteps) return;
    this.#resize(capacityFor(this.#lengths.length));
    this.#looseSteps = 0;
  }

  /** Takes a row out; the last one moves into its place. */
  removeRow(row: number): void {
    const last = this.#lengths.length - 1;
    if (row !== last) {
      this.#setLength(row, 0);
      this.extend(row, this.content(last));
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
      // The old memory is free at once, not when the garbage collector comes by.
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

  /** The innermost loop of the step, on memory that no cache holds: two numbers at a time, because wider stores wait less. */
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

  /** Numbers in one row of a layer's keys. */
  get #rowSize(): number {
    return this.#shape.heads * this.size * this.#shape.headWidth;
  }
}

const capacityFor = (rows: number): number => (rows === 0 ? 0 : 2 ** Math.ceil(Math.log2(rows)));
