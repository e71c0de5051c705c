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
/** Steps between two looks at how much of the memory is used. */
const trimSteps = 128;

/** New keys or values of one layer: shape [B, H, S, D]. */
export type NewRows = readonly (readonly [keys: Float32Array, values: Float32Array])[];

/** T of the lanes of a model: 64, doubling up to its positions. */
export function laneSizes(positions: number): readonly number[] {
  const sizes = [];
  for (const size of [64, 96, 128, 192, 256, 384, 512, 768]) if (size < positions) sizes.push(size);
  return [...sizes, positions];
}

export class KvLane {
  /** T: room for positions in each row. */
  readonly size: number;
  readonly #shape: KvShape;
  /** For each layer: keys, values. */
  #arrays: NewRows;
  readonly #lengths: number[] = [];
  #stepsUntilTrim = trimSteps;
  /** Most rows since the last trim. */
  #peakRows = 0;

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

  /** Makes room for so many rows. */
  reserve(rows: number): void {
    this.#peakRows = Math.max(this.#peakRows, rows);
    if (rows > this.#capacity) this.#resize(rows);
  }

  /** Called at every step: gives memory back that was not used for a while. Not at once, because new memory is slow. */
  trim(): void {
    this.#stepsUntilTrim -= 1;
    if (this.#stepsUntilTrim > 0) return;
    if (capacityFor(this.#peakRows) < this.#capacity) this.#resize(this.#peakRows);
    this.#stepsUntilTrim = trimSteps;
    this.#peakRows = this.#lengths.length;
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
    const length = this.#lengths.pop() ?? 0;
    const last = this.#lengths.length;
    if (row === last) return;
    for (const pair of this.#arrays) {
      for (const array of pair) this.#copyRow(array, { from: last, stride: this.size, length, target: array, row });
    }
    this.#lengths[row] = length;
  }

  #addRow(
    length: number,
    sourceOf: (layer: number, part: number) => { data: Float32Array | undefined; from: number; stride: number },
  ): void {
    const row = this.#lengths.length;
    this.reserve(row + 1);
    for (const [layer, pair] of this.#arrays.entries()) {
      for (const [part, target] of pair.entries()) {
        const { data, from, stride } = sourceOf(layer, part);
        if (data !== undefined) this.#copyRow(data, { from, stride, length, target, row });
      }
    }
    this.#lengths.push(length);
  }

  /** The used positions of one row, head by head; `stride` is the source's T. */
  #copyRow(
    data: Float32Array,
    {
      from,
      stride,
      length,
      target,
      row,
    }: { from: number; stride: number; length: number; target: Float32Array; row: number },
  ): void {
    const { heads, headWidth } = this.#shape;
    for (let head = 0; head < heads; head += 1) {
      const source = (from * heads + head) * stride * headWidth;
      target.set(data.subarray(source, source + length * headWidth), (row * heads + head) * this.size * headWidth);
    }
  }

  #resize(rows: number): void {
    const old = this.#arrays;
    this.#arrays = this.#allocate(capacityFor(rows));
    for (const [layer, pair] of this.#arrays.entries()) {
      for (const [part, target] of pair.entries()) {
        const data = old[layer]?.[part] ?? new Float32Array();
        for (const [row, length] of this.#lengths.entries()) {
          this.#copyRow(data, { from: row, stride: this.size, length, target, row });
        }
      }
    }
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

  #layer(layer: number): readonly [Float32Array, Float32Array] {
    return this.#arrays[layer] ?? [new Float32Array(), new Float32Array()];
  }

  get #capacity(): number {
    return this.#layer(0)[0].length / this.#rowSize;
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

const capacityFor = (rows: number): number => (rows === 0 ? 0 : Math.max(minCapacity, 2 ** Math.ceil(Math.log2(rows))));
