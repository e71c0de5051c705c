/**
 * Where everything lies in the one memory that all threads share. Addresses are in bytes. Pure; the default of
 * `maxOwnRows`, and whether there is an `x16`, depend on the CPU.
 */
import {
  attentionScratchBytes,
  hasLongVectors,
  hasQuads,
  paddedWidth,
  pageBytes,
  pagePositions,
  reservedBytes,
} from '@prosemill/kernel';
import { type DecoderShape, normCount, paddedWidths } from './decoder-shape.ts';
import { type LinearPart, partsOf, type Range, shareOf } from './partition.ts';
import { topCandidates } from '../sampling/sampling.ts';

/** The number format of weights, keys and values. */
export type NumberFormat = 'fp32' | 'int8';

export interface MemoryOptions {
  readonly shape: DecoderShape;
  readonly format: NumberFormat;
  readonly threads: number;
  /** The most texts that have keys and values. */
  readonly texts: number;
  /** N: the most positions of a step. */
  readonly rows: number;
  /** L: the most positions of a step whose next token is wanted. */
  readonly wanted: number;
  /** The same value as in `MemoryPlan`; less than the default to calibrate, and in tests. */
  readonly maxOwnRows?: number;
}

export interface LinearPlan extends LinearPart {
  /** Packed weights for the kernel's own products; 0: there are none. */
  readonly weights: number;
  /** [columns] int32, which own products with inputs in uint8 begin with; 0: there are no own products. */
  readonly starts: number;
  /** [columns] float32; 0 in fp32. */
  readonly scales: number;
  /** [columns] float32; 0 for the head. */
  readonly bias: number;
}

/** The memory that one thread writes. Others read only the candidates. */
export interface ThreadPlan {
  readonly heads: Range;
  readonly linears: readonly LinearPlan[];
  /** The sums of the last product, [rows, columns] int32 or float32; while weights are opened, some of them. */
  readonly sums: number;
  /** Queries, keys and values of the thread's heads, [N, 3, heads, D] float32. */
  readonly joined: number;
  readonly scratch: number;
  /** The largest logits of the thread's tokens: [L, topCandidates] float32, and their ids in int32. */
  readonly topValues: number;
  readonly topIds: number;
  /** [L] int32: 1 if all logits of the thread's tokens are finite. */
  readonly areFinite: number;
}

export interface MemoryPlan {
  /** The size of the memory. */
  readonly bytes: number;
  /**
   * Products of up to so many rows are read from the kernel's own copy of the weights, at the speed of the memory. 0:
   * there is no such copy.
   */
  readonly maxOwnRows: number;
  /** The linear layers as they are stored. */
  readonly linears: readonly StoredLinear[];
  /**
   * Where the weights of one linear layer are while it is opened, unless they stay in the memory. It is the memory of
   * the pages, which no text uses then.
   */
  readonly staged: number;
  /** See {@link commandFields}. */
  readonly command: number;
  readonly barrier: number;
  /** [N] int32 each: positions in their texts, and rows of `tables`. */
  readonly places: number;
  readonly texts: number;
  /** [L] int32: rows of the step. */
  readonly wanted: number;
  /** [N, E] float32: the residual stream, and its norm. */
  readonly hidden: number;
  readonly normed: number;
  /** [N, A] float32. */
  readonly attended: number;
  /** [N, I] float32. */
  readonly inner: number;
  /** A product's input as whole numbers, [N, inputs] int16 and uint8, and its scales, [N] float32. */
  readonly x16: number;
  readonly x8: number;
  readonly rowScales: number;
  /** [L, V] float32, rows of V padded to 16. */
  readonly logits: number;
  readonly threads: readonly ThreadPlan[];
  readonly norms: readonly { readonly gain: number; readonly bias: number }[];
  /** [N, E] float32: the rows' tokens. */
  readonly tokens: number;
  /** [P, E] float32. */
  readonly positions: number;
  /** The addresses of pages, [texts, layers, ⌈P / 64⌉] uint32. */
  readonly tables: number;
  readonly pages: number;
  readonly pageCount: number;
  /** The bytes of 64 positions in all layers. */
  readonly pageBytes: number;
}

/** The sizes of a linear layer's parts in bytes; 0: there is no such part. */
export interface StoredLinear {
  readonly weightBytes: number;
  readonly scaleBytes: number;
  readonly biasBytes: number;
}

/** The int32 values of a command: a number that grows with each step, N, L, and whether all logits are wanted. */
export const commandFields = 4;
/** With fewer rows, a kernel for float32 may sum in another order. */
export const minFloatRows = 4;

/** The largest memory of WebAssembly. */
const maxBytes = 2 ** 32 - 2 ** 16;
/** Keys and values get no more than this. It is virtual memory until a text needs it. */
const maxCacheBytes = 2 ** 31;
/** The kernel's copy of larger weights would be slow to make, for a gain with one or two texts only. */
const maxOwnWeightBytes = 2 ** 30;
/** Products of up to so many rows are faster than onnxruntime's. */
const fasterOwnRows = hasLongVectors ? 12 : hasQuads ? 4 : 2;
const alignment = 64;

export const pagesOf = (positions: number): number => Math.ceil(positions / pagePositions);

/** @throws {RangeError} when not even one text of full length fits into the memory */
export function planMemory(options: MemoryOptions): MemoryPlan {
  const { shape, format, threads, texts, rows: n, wanted: l, maxOwnRows: wantedOwnRows = fasterOwnRows } = options;
  let end = reservedBytes;
  const take = (bytes: number): number => {
    const address = end;
    end += aligned(bytes);
    return address;
  };
  const { row, attention, inner, head } = paddedWidths(shape);
  const isInt8 = format === 'int8';
  // An odd row is computed with the one behind it.
  const rows = 2 * Math.ceil(Math.max(n, minFloatRows) / 2);
  const widest = Math.max(row, attention, inner);
  const vocabulary = paddedWidth(shape.vocabulary);
  const parts = Array.from({ length: threads }, (_, thread) => partsOf(shape, { thread, threads }));
  const weightBytes = parts.flat().reduce((sum, { inputs, columns }) => sum + inputs * columns, 0);
  const maxOwnRows = isInt8 && weightBytes <= maxOwnWeightBytes ? Math.min(wantedOwnRows, rows) : 0;

  const plan = {
    maxOwnRows,
    command: take(4 * commandFields),
    barrier: take(alignment),
    places: take(4 * rows),
    texts: take(4 * rows),
    wanted: take(4 * l),
    hidden: take(4 * row * rows),
    normed: take(4 * row * rows),
    attended: take(4 * attention * rows),
    inner: take(4 * inner * rows),
    x16: take(hasQuads ? 0 : 2 * widest * maxOwnRows),
    x8: isInt8 ? take(widest * rows) : 0,
    rowScales: take(4 * rows),
    logits: take(4 * vocabulary * l),
    threads: parts.map((linears, thread): ThreadPlan => {
      const heads = shareOf(shape.heads, { thread, threads });
      const own = { heads: heads.to - heads.from, headWidth: head };
      return {
        heads,
        linears: linears.map((part, index) => ({
          ...part,
          weights: maxOwnRows > 0 ? take(part.inputs * part.columns) : 0,
          starts: maxOwnRows > 0 ? take(4 * part.columns) : 0,
          scales: isInt8 ? take(4 * part.columns) : 0,
          bias: index === linears.length - 1 ? 0 : take(4 * part.columns),
        })),
        sums: take(
          Math.max(
            16 * widest,
            ...linears.map(({ columns }, i) => 4 * columns * (i === linears.length - 1 ? l + minFloatRows : rows)),
          ),
        ),
        joined: take(4 * 3 * own.heads * head * rows),
        scratch: take(attentionScratchBytes(own, shape.positions)),
        topValues: take(4 * topCandidates * l),
        topIds: take(4 * topCandidates * l),
        areFinite: take(4 * l),
      };
    }),
    norms: Array.from({ length: normCount(shape) }, () => ({ gain: take(4 * row), bias: take(4 * row) })),
    tokens: take(4 * row * rows),
    positions: take(4 * row * shape.positions),
    tables: take(4 * texts * shape.layers * pagesOf(shape.positions)),
  };
  const bytesPerPage = shape.layers * pageBytes({ heads: shape.heads, headWidth: head }, isInt8 ? 'int8' : 'float32');
  const room = Math.min(maxCacheBytes, maxBytes - end);
  const pageCount = Math.min(texts * pagesOf(shape.positions), Math.floor(room / bytesPerPage));
  if (pageCount < pagesOf(shape.positions)) {
    throw new RangeError(`The model does not fit into the ${maxBytes} bytes of the engine's memory.`);
  }
  const pages = take(pageCount * bytesPerPage);
  const stored = storedLinears(shape, format);
  const stagedBytes = maxOwnRows > 0 ? 0 : Math.max(...stored.map((linear) => linear.weightBytes));
  const bytes = Math.max(end, pages + stagedBytes);
  return { ...plan, linears: stored, staged: pages, pages, pageCount, pageBytes: bytesPerPage, bytes };
}

/** Whether weights are in the memory only while they are opened. */
export const isStaged = ({ maxOwnRows }: MemoryPlan): boolean => maxOwnRows === 0;

/** Where a thread finds its packed weights while a linear layer is opened: in their place, or staged. */
export function openedWeights({ threads, staged }: MemoryPlan, linear: number, thread: number): number {
  const parts = threads.map(({ linears }) => linears[linear] as LinearPlan);
  const before = parts.slice(0, thread).reduce((sum, { inputs, columns }) => sum + inputs * columns, 0);
  return parts[thread]?.weights || staged + before;
}

export function storedLinears(shape: DecoderShape, format: NumberFormat): readonly StoredLinear[] {
  const parts = partsOf(shape, { thread: 0, threads: 1 });
  return parts.map(({ inputs, columns, ranges }, index) => {
    const isHead = index === parts.length - 1;
    // The head has no padding in fp32, because its rows are the token table's.
    const outputs = isHead && format === 'fp32' ? (ranges[0]?.to ?? 0) : columns;
    return {
      weightBytes: inputs * outputs * (format === 'int8' ? 1 : 4),
      scaleBytes: format === 'int8' ? 4 * columns : 0,
      biasBytes: isHead ? 0 : 4 * columns,
    };
  });
}

const aligned = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;
