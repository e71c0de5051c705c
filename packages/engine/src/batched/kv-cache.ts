/**
 * Keys and values of the running texts. Each is a row of one array a layer, shape [B, H, T, D] with B outermost: the first rows are always the
 * used ones, so that a view of them is what the graph takes, without a copy.
 */

export interface KvCacheShape {
  readonly layers: number;
  readonly heads: number;
  /** D. */
  readonly headWidth: number;
  /** The most that T may become. */
  readonly positions: number;
}

/** New keys or values of one layer: shape [B, H, S, D]. */
export interface NewRows {
  readonly data: Float32Array;
  readonly row: number;
  /** S. */
  readonly stride: number;
}

/** T grows and shrinks in steps of this. */
export const positionBucket = 32;

export class KvCache {
  readonly #shape: KvCacheShape;
  /** For each layer: keys, values. */
  #arrays: (readonly [Float32Array, Float32Array])[];
  #rowCapacity = 0;
  #bucket = positionBucket;
  readonly #lengths: number[] = [];

  constructor(shape: KvCacheShape) {
    this.#shape = shape;
    this.#arrays = this.#allocate(0, this.#bucket);
  }

  /** T: room for positions in each row. */
  get bucket(): number {
    return this.#bucket;
  }

  /** Positions in each row, at most `bucket`. */
  get lengths(): readonly number[] {
    return this.#lengths;
  }

  /** What the graph takes: the first `rows` rows of a layer. Rows that are not used hold numbers without meaning. */
  view(layer: number, rows: number): readonly [keys: Float32Array, values: Float32Array] {
    const [keys, values] = this.#arrays[layer] ?? [new Float32Array(), new Float32Array()];
    const size = rows * this.#rowSize(this.#bucket);
    return [keys.subarray(0, size), values.subarray(0, size)];
  }

  /** Makes room for these rows and positions; gives back what is far more than that. */
  reserve(rows: number, positions: number): void {
    const bucket = Math.min(
      Math.max(positionBucket, Math.ceil(positions / positionBucket) * positionBucket),
      Math.ceil(this.#shape.positions / positionBucket) * positionBucket,
    );
    const capacity =
      rows > this.#rowCapacity || rows < this.#rowCapacity / 4 ? nextPowerOfTwo(rows) : this.#rowCapacity;
    if (bucket === this.#bucket && capacity === this.#rowCapacity) return;
    this.#repack(capacity, bucket);
  }

  /**
   * A new row with what a prefill has given. `reserve` comes first.
   * @param newRows  For each layer: keys, values.
   * @param length   Positions to take; the rest of the rows is padding.
   */
  addRow(newRows: readonly (readonly [NewRows, NewRows])[], length: number): void {
    const row = this.#lengths.push(0) - 1;
    for (const [layer, pair] of newRows.entries()) {
      for (const [part, source] of pair.entries())
        this.#copyIn(layer, part, { row, position: 0, source, count: length });
    }
    this.#lengths[row] = length;
  }

  /** One more position for each row, from a decode step: each layer's keys and values have shape [B, H, 1, D]. */
  appendStep(newRows: readonly (readonly [Float32Array, Float32Array])[]): void {
    for (const [layer, pair] of newRows.entries()) {
      for (const [part, data] of pair.entries()) this.#appendLayer(this.#arrays[layer]?.[part], data);
    }
    for (let row = 0; row < this.#lengths.length; row += 1) this.#lengths[row] = (this.#lengths[row] ?? 0) + 1;
  }

  /** Takes a row out; the last one moves into its place. */
  removeRow(row: number): void {
    const last = this.#lengths.length - 1;
    const size = this.#rowSize(this.#bucket);
    if (row !== last) {
      for (const pair of this.#arrays) {
        for (const array of pair) array.copyWithin(row * size, last * size, (last + 1) * size);
      }
      this.#lengths[row] = this.#lengths[last] ?? 0;
    }
    this.#lengths.pop();
  }

  #appendLayer(target: Float32Array | undefined, data: Float32Array): void {
    if (target === undefined) return;
    const { heads, headWidth } = this.#shape;
    const headSize = this.#bucket * headWidth;
    for (let row = 0; row < this.#lengths.length; row += 1) {
      const offset = (this.#lengths[row] ?? 0) * headWidth;
      for (let head = 0; head < heads; head += 1) {
        const block = row * heads + head;
        const from = block * headWidth;
        const to = block * headSize + offset;
        for (let index = 0; index < headWidth; index += 1) target[to + index] = data[from + index] ?? 0;
      }
    }
  }

  #copyIn(
    layer: number,
    part: number,
    { row, position, source, count }: { row: number; position: number; source: NewRows; count: number },
  ): void {
    const target = this.#arrays[layer]?.[part];
    const { heads, headWidth } = this.#shape;
    for (let head = 0; head < heads; head += 1) {
      const from = (source.row * heads + head) * source.stride * headWidth;
      const to = ((row * heads + head) * this.#bucket + position) * headWidth;
      target?.set(source.data.subarray(from, from + count * headWidth), to);
    }
  }

  #repack(capacity: number, bucket: number): void {
    const { heads, headWidth } = this.#shape;
    const arrays = this.#allocate(capacity, bucket);
    for (const [layer, pair] of this.#arrays.entries()) {
      for (const [part, old] of pair.entries()) {
        for (const [row, length] of this.#lengths.entries()) {
          for (let head = 0; head < heads; head += 1) {
            const block = row * heads + head;
            const from = block * this.#bucket * headWidth;
            arrays[layer]?.[part]?.set(old.subarray(from, from + length * headWidth), block * bucket * headWidth);
          }
        }
      }
    }
    this.#arrays = arrays;
    this.#bucket = bucket;
    this.#rowCapacity = capacity;
  }

  #allocate(capacity: number, bucket: number): (readonly [Float32Array, Float32Array])[] {
    const size = capacity * this.#rowSize(bucket);
    return Array.from({ length: this.#shape.layers }, () => [new Float32Array(size), new Float32Array(size)] as const);
  }

  /** Numbers in one row of a layer's keys. */
  #rowSize(bucket: number): number {
    return this.#shape.heads * bucket * this.#shape.headWidth;
  }
}

const nextPowerOfTwo = (value: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, value)));
