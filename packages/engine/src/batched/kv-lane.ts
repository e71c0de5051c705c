/**
 * Keys and values of the running texts of about one length. Each text is a row of one array a layer, shape [rows, H, T, D] with the rows outermost: the
 * first rows are always the used ones, so that a view of them is what the graph takes, without a copy.
 *
 * T is fixed: a text that outgrows its lane moves to the next. So what is computed for a text depends on its own length alone, long
 * and short texts share a step without sharing a T, and nothing is ever repacked.
 */

export interface KvShape {
  readonly layers: number;
  readonly heads: number;
  /** D. */
  readonly headWidth: number;
}

const minCapacity = 4;

/** New keys or values of one layer: shape [B, H, S, D]. */
export type NewRows = readonly (readonly [keys: Float32Array, values: Float32Array])[];

/** T of the lanes of a model: 64, doubling up to its positions. */
export function laneSizes(positions: number): readonly number[] {
  const sizes = [];
  for (let size = 64; size < positions; size *= 2) sizes.push(size);
  return [...sizes, positions];
}

export class KvLane {
  /** T: room for positions in each row. */
  readonly size: number;
  readonly #shape: KvShape;
  /** For each layer: keys, values. */
  #arrays: NewRows;
  readonly #lengths: number[] = [];

  constructor(size: number, shape: KvShape) {
    this.size = size;
    this.#shape = shape;
    this.#arrays = this.#allocate(0);
  }

  /** Positions in each row, at most `size`. */
  get lengths(): readonly number[] {
    return this.#lengths;
  }

  /** What the graph takes of a layer: so many rows, of which those that are not used hold numbers without meaning. `reserve` comes first. */
  view(layer: number, rows: number): readonly [keys: Float32Array, values: Float32Array] {
    const [keys, values] = this.#layer(layer);
    const size = rows * this.#rowSize;
    return [keys.subarray(0, size), values.subarray(0, size)];
  }

  /** Makes room for so many rows. A lane that is empty gives its memory back; one that is not keeps it, because new memory is slow. */
  reserve(rows: number): void {
    const capacity = this.#layer(0)[0].length / this.#rowSize;
    if (rows <= capacity && (rows > 0 || capacity === 0)) return;
    const arrays = this.#allocate(rows === 0 ? 0 : Math.max(minCapacity, 2 ** Math.ceil(Math.log2(rows))));
    const used = this.#lengths.length * this.#rowSize;
    for (const [layer, pair] of this.#arrays.entries()) {
      for (const [part, array] of pair.entries()) arrays[layer]?.[part]?.set(array.subarray(0, used));
    }
    this.#arrays = arrays;
  }

  /**
   * A new row from what a prefill gave.
   * @param from    The row of the prefill.
   * @param stride  S of the prefill.
   * @param length  Positions to take; the rest of the S is padding.
   */
  addPrefilled(newRows: NewRows, { from, stride, length }: { from: number; stride: number; length: number }): void {
    this.#addRow(length, (layer, part) => ({ data: newRows[layer]?.[part], from, stride }));
  }

  /** Takes over a row that has outgrown another lane. */
  addFrom(lane: KvLane, row: number): void {
    this.#addRow(lane.#lengths[row] ?? 0, (layer, part) => ({
      data: lane.#arrays[layer]?.[part],
      from: row,
      stride: lane.size,
    }));
  }

  /**
   * One more position for each row, from a decode step.
   * @param offset  The step's first row that is this lane's.
   */
  append(newRows: NewRows, offset: number): void {
    for (const [layer, pair] of newRows.entries()) {
      for (const [part, data] of pair.entries()) this.#appendTo(this.#layer(layer)[part === 0 ? 0 : 1], data, offset);
    }
    for (let row = 0; row < this.#lengths.length; row += 1) this.#lengths[row] = (this.#lengths[row] ?? 0) + 1;
  }

  /** Takes a row out; the last one moves into its place. */
  removeRow(row: number): void {
    const last = this.#lengths.length - 1;
    const size = this.#rowSize;
    if (row !== last) {
      for (const pair of this.#arrays) {
        for (const array of pair) array.copyWithin(row * size, last * size, (last + 1) * size);
      }
      this.#lengths[row] = this.#lengths[last] ?? 0;
    }
    this.#lengths.pop();
  }

  #addRow(
    length: number,
    sourceOf: (layer: number, part: number) => { data: Float32Array | undefined; from: number; stride: number },
  ): void {
    const { heads, headWidth } = this.#shape;
    const row = this.#lengths.length;
    this.reserve(row + 1);
    for (const [layer, pair] of this.#arrays.entries()) {
      for (const [part, target] of pair.entries()) {
        const { data, from, stride } = sourceOf(layer, part);
        for (let head = 0; head < heads; head += 1) {
          const source = (from * heads + head) * stride * headWidth;
          const block = data?.subarray(source, source + length * headWidth) ?? [];
          target.set(block, (row * heads + head) * this.size * headWidth);
        }
      }
    }
    this.#lengths.push(length);
  }

  #appendTo(target: Float32Array, data: Float32Array, offset: number): void {
    const { heads, headWidth } = this.#shape;
    const headSize = this.size * headWidth;
    for (let row = 0; row < this.#lengths.length; row += 1) {
      const position = (this.#lengths[row] ?? 0) * headWidth;
      for (let head = 0; head < heads; head += 1) {
        const from = ((offset + row) * heads + head) * headWidth;
        const to = (row * heads + head) * headSize + position;
        // The innermost loop of the step: nothing in it but the copy.
        for (let index = 0; index < headWidth; index += 1) target[to + index] = data[from + index] as number;
      }
    }
  }

  #layer(layer: number): readonly [Float32Array, Float32Array] {
    return this.#arrays[layer] ?? [new Float32Array(), new Float32Array()];
  }

  #allocate(rows: number): NewRows {
    const size = rows * this.#rowSize;
    return Array.from({ length: this.#shape.layers }, () => [new Float32Array(size), new Float32Array(size)] as const);
  }

  /** Numbers in one row of a layer's keys. */
  get #rowSize(): number {
    return this.#shape.heads * this.size * this.#shape.headWidth;
  }
}
