/**
 * The kernel: all arithmetic of a step besides the products that onnxruntime computes. Its source is AssemblyScript
 * (`assembly/`), compiled to `kernel.wasm`.
 *
 * Arguments are addresses in bytes in the shared memory, unless they are counts. Letters: E width of a row, K inputs
 * and M outputs of a product, H heads, D width of a head. Rows of floats and of integers are dense, and E, K, M and D
 * are multiples of 16 (`paddedWidth`): other widths are padded with zeros. Addresses are multiples of 4;
 * multiples of 64 are faster.
 */
import { readFileSync } from 'node:fs';
import { config } from 'node:process';
import { setFlagsFromString } from 'node:v8';

export interface Kernel {
  /** out [E] = token [E] + position [E], all float32. */
  embed(token: number, position: number, out: number, width: number): void;

  /**
   * LayerNorm of the rows from ≤ row < to: x [rows, E] to out [rows, E]; out may be x.
   * @param width  The model's width: the mean is over so many numbers, and padding becomes 0.
   * @param gain  [E], like bias; 0 in the padding.
   */
  layerNorm(
    x: number,
    width: number,
    from: number,
    to: number,
    gain: number,
    bias: number,
    epsilon: number,
    out: number,
  ): void;

  /**
   * Quantizes the rows from ≤ row < to of x [rows, K] float32, each with a scale of its own, to whole numbers n:
   * x + offset ≈ scale · n. A row with a number that is not finite gets the scale NaN.
   * @param zeroPoint  128: n is −127 to 127, stored in uint8 as n + 128. 0: n is 0 to 255, for rows ≥ −offset. Rows of
   *   more than 133,000 or 66,000 numbers have smaller n, so that sums of products with weights fit into int32.
   * @param x16  [rows, K] int16 for `multiply`, or 0 for none.
   * @param x8  [rows, K] uint8 for onnxruntime, or 0 for none.
   * @param scales  [rows] float32.
   */
  quantize(
    x: number,
    width: number,
    from: number,
    to: number,
    offset: number,
    zeroPoint: 0 | 128,
    x16: number,
    x8: number,
    scales: number,
  ): void;

  /**
   * Exact integer products with weights in the layout of `packWeights`, for few rows: sums [rows, 16 · blocks]
   * int32. A part of the columns has its own `weights` and `sums`.
   * @param x16  [rows, K] int16.
   */
  multiply(weights: number, inputs: number, blocks: number, x16: number, rows: number, sums: number): void;

  /**
   * Brings weights in the layout of `multiply` into rows: out [to − from, 16 · blocks] int8, of the inputs
   * from ≤ input < to, which are even numbers.
   */
  unpack(weights: number, inputs: number, blocks: number, from: number, to: number, out: number): void;

  /**
   * Whether `multiplyQuads` is exact, see {@link hasQuads}.
   * @param scratch  32 bytes.
   */
  hasQuads(scratch: number): 0 | 1;

  /**
   * Changes weights in the layout of `multiply` to that of `multiplyQuads`, in place.
   * @param zeroPoint  The uint8 value that stands for 0 in the inputs.
   * @param scratch  16 · K bytes.
   * @param starts  [16 · blocks] int32, which this writes.
   */
  pairsToQuads(
    weights: number,
    inputs: number,
    blocks: number,
    zeroPoint: 0 | 128,
    scratch: number,
    starts: number,
  ): void;

  /**
   * The sums of `multiply` from inputs in uint8, for any number of rows. An odd row is computed with the one behind it,
   * for which `x8` and `sums` need room.
   * @param x8  [rows, K] uint8.
   * @param starts  [16 · blocks] int32, from `pairsToQuads`.
   */
  multiplyQuads(
    weights: number,
    inputs: number,
    blocks: number,
    x8: number,
    rows: number,
    starts: number,
    sums: number,
  ): void;

  /**
   * The floats of a product: sum · columnScale · rowScale + bias, then the ending. sums [rows, M] dense, out
   * [rows, stride]. The order of operations is that of onnxruntime's MatMulIntegerToFloat followed by the rest.
   * @param rowScales  [rows], or 0 for none.
   * @param columnScales  [M], or 0 if `sums` has float32 that are multiplied by them already.
   * @param bias  [M], or 0 for none.
   * @param stride  Floats from one row of `out` to the next.
   * @param ending  See `endings`.
   */
  finish(
    sums: number,
    rows: number,
    columns: number,
    rowScales: number,
    columnScales: number,
    bias: number,
    out: number,
    stride: number,
    ending: Ending,
  ): void;

  /**
   * Stores one position's keys and values of the heads from ≤ head < to in an int8 page, with a scale for each
   * position and head.
   * @param page  The address of the page that has the position.
   * @param place  The position's place in its page, 0 to 63.
   * @param heads  H, the heads of a page.
   * @param keys  [to − from, D] float32 dense, like values.
   * @param scratch  `attentionScratchBytes`, this thread's own.
   */
  appendInt8(
    page: number,
    place: number,
    heads: number,
    width: number,
    from: number,
    to: number,
    keys: number,
    values: number,
    scratch: number,
  ): void;

  /**
   * Attention of one position's queries on the first `length` positions of its text, for the heads from ≤ head < to.
   * The other places of the last page may have anything. Two positions at once share the reading of keys and values.
   * @param pages  The addresses of the text's pages, [⌈length / 64⌉] uint32.
   * @param rows  1, or 2 for the next position as well, whose length is 1 more and even.
   * @param queries  [to − from, D] float32 dense, multiplied by the factor of the scores (1/√D) already; those of the
   *   next position are `queryStep` bytes behind.
   * @param out  [to − from, D] float32 dense, and `outStep` bytes behind.
   */
  attendInt8(
    pages: number,
    length: number,
    heads: number,
    width: number,
    from: number,
    to: number,
    rows: number,
    queries: number,
    queryStep: number,
    out: number,
    outStep: number,
    scratch: number,
  ): void;

  /** `appendInt8` for pages in float32. */
  appendFloat32: Kernel['appendInt8'];

  /** `attendInt8` for pages in float32. */
  attendFloat32: Kernel['attendInt8'];

  /**
   * The largest logits of one row, in descending order, the lower id first if equal. A logit is
   * logits[j] · columnScale[j], for 0 ≤ j < columns; columns need no padding. The row's scale comes last, from the
   * caller, because its rounding may make two of them equal.
   * @param columnScales  [columns], or 0 if `logits` has float32, as in `finish`.
   * @param count  1 to 64. Places without a column get the value −Infinity and the id −1.
   * @param firstId  The id of column 0.
   * @param values  [count] float32.
   * @param ids  [count] int32.
   * @returns 1 if all logits are finite, else 0: then values and ids mean nothing
   */
  top(
    logits: number,
    columns: number,
    columnScales: number,
    count: number,
    firstId: number,
    values: number,
    ids: number,
  ): 0 | 1;

  /**
   * Waits until so many threads have called it: looks for some 0.2 ms, then sleeps.
   * @param state  Three int32, 0 at first, the same for all.
   */
  barrier(state: number, threads: number): void;
}

/** The endings of a product: none, an activation (GELU by tanh or by erf, ReLU), or adding to what `out` has. */
export const endings = { none: 0, geluTanh: 1, geluErf: 2, relu: 3, add: 4 } as const;
export type Ending = (typeof endings)[keyof typeof endings];

/** The kernel keeps its constants below this address. */
export const reservedBytes = 4096;
/** Positions of a page of keys and values. */
export const pagePositions = 64;

export interface HeadShape {
  /** Heads of a page. */
  readonly heads: number;
  /** D. */
  readonly headWidth: number;
}

/** @returns the next multiple of 16 */
export const paddedWidth = (width: number): number => Math.ceil(width / 16) * 16;

/**
 * The size of one layer's keys and values of 64 positions. A page begins at a multiple of 64 and needs no
 * initialization.
 */
export function pageBytes({ heads, headWidth }: HeadShape, format: 'int8' | 'float32'): number {
  return 2 * heads * pagePositions * (format === 'int8' ? headWidth + 4 : 4 * headWidth);
}

/** @returns the bytes that a thread needs to append and to attend on up to `positions` positions of so many heads */
export function attentionScratchBytes({ heads, headWidth }: HeadShape, positions: number): number {
  return 2 * (heads * (4 * paddedWidth(positions) + 6 * headWidth + 56) + 4 * headWidth + 2 * pagePositions + 16);
}

/**
 * Brings the columns from ≤ column < to of a matrix into the layout of `multiply`, [M / 16][K / 2][16][2], padded with
 * zeros.
 * @param values  [inputs, outputs].
 * @returns [paddedWidth(to − from) · paddedWidth(inputs)]
 */
export function packWeights(
  { values, inputs, outputs }: { readonly values: Int8Array; readonly inputs: number; readonly outputs: number },
  from: number,
  to: number,
): Int8Array<ArrayBuffer> {
  const rows = paddedWidth(inputs);
  const packed = new Int8Array(paddedWidth(to - from) * rows);
  for (let block = from; block < to; block += 16) {
    const start = (block - from) * rows;
    const end = Math.min(block + 16, to);
    for (let input = 0; input < inputs; input += 1) {
      let place = start + 32 * (input >> 1) + (input & 1);
      for (let column = block; column < end; column += 1, place += 2) {
        packed[place] = values[input * outputs + column] as number;
      }
    }
  }
  return packed;
}

const compiled = new WebAssembly.Module(readFileSync(new URL('../kernel.wasm', import.meta.url)));

function instantiate(memory: WebAssembly.Memory): Kernel & { readonly byQuads: WebAssembly.Global } {
  return new WebAssembly.Instance(compiled, { env: { memory } }).exports as Kernel & { byQuads: WebAssembly.Global };
}

/**
 * Whether sums of products of bytes, "quads", are exact on this machine: they need a CPU, and a V8, whose sums of
 * products of int8 and uint8 are not clamped, as x64 with AVX-VNNI.
 */
export const hasQuads: boolean =
  instantiate(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })).hasQuads(reservedBytes) === 1;

/**
 * Whether V8 can join two neighboring vectors of 16 bytes where it optimizes a function ("revectorization"). Then sums
 * of products of bytes take half the time. Node.js's own builds for x64 can.
 */
export const hasLongVectors: boolean =
  hasQuads && (config.variables as { v8_enable_wasm_simd256_revec?: 0 | 1 }).v8_enable_wasm_simd256_revec === 1;

/**
 * Makes V8 join vectors in functions that it optimizes from now on, in all threads. Call it when all threads have
 * started: V8 refuses code that it cached under other flags, and the modules of a thread load more slowly.
 */
export function joinVectors(): void {
  if (hasLongVectors) setFlagsFromString('--experimental-wasm-revectorize');
}

/** Makes a thread's own instance over the memory that all threads share. All use the same `byQuads`. */
export function openKernel(memory: WebAssembly.Memory, { byQuads = hasQuads } = {}): Kernel {
  const kernel = instantiate(memory);
  kernel.byQuads.value = Number(byQuads);
  return kernel;
}
