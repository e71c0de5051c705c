/**
 * One thread's part of a step. All threads run this at once over the shared memory; a barrier separates what one writes
 * from what another reads. Each row, head and column is computed in the same order of operations whatever runs beside
 * it, so a text has the same bits alone and in any batch, in any chunks, with any number of threads.
 *
 * The letters: N rows (positions of any texts), L rows whose next token is wanted, E, A, I, V as in decoder-shape.ts.
 */
import { type Ending, endings, type Kernel, openKernel, paddedWidth, pagePositions } from '@prosemill/kernel';
import { topCandidates } from '../sampling/sampling.ts';
import {
  type Activation,
  activationOffset,
  type DecoderShape,
  isAfterActivation,
  linearCount,
  linearsPerLayer,
  type PaddedWidths,
  paddedWidths,
  zeroPointOf,
} from './decoder-shape.ts';
import {
  commandFields,
  type LinearPlan,
  type MemoryPlan,
  type NumberFormat,
  pagesOf,
  type ThreadPlan,
} from './memory-plan.ts';
import { type Range, shareOf } from './partition.ts';
import { Products } from './products.ts';

/** The things that all threads of a decoder have in common. They are sent to each thread. */
export interface DecoderSetup {
  readonly memory: WebAssembly.Memory;
  readonly plan: MemoryPlan;
  readonly shape: DecoderShape;
  readonly format: NumberFormat;
}

/** The parts of a step, for its profile. */
export const stepParts = [
  'norms and quantizing',
  'products',
  'scales, biases and activations',
  'storing keys and values',
  'attention',
  'the head',
  'the top candidates',
  'waiting for other threads',
  'between steps',
] as const;
export type StepPart = (typeof stepParts)[number];

/** Watches the steps of the calling thread. */
export interface StepObserver {
  /** The input of a linear layer, [rows, width], of all threads. */
  readonly onInput?: (linear: number, input: Float32Array, width: number) => void;
  /** Queries, keys and values of a layer, [rows, 3A] if there is a single thread. */
  readonly onJoined?: (layer: number, joined: Float32Array) => void;
  /** Called when the thread begins another part of a step. */
  readonly onPart?: (part: StepPart) => void;
}

/** The rows of a product's input. */
interface Input {
  readonly address: number;
  readonly rows: number;
}

const activationEndings: Readonly<Record<Activation, Ending>> = {
  'gelu-tanh': endings.geluTanh,
  gelu: endings.geluErf,
  relu: endings.relu,
};

export class ThreadStep {
  readonly #setup: DecoderSetup;
  readonly #plan: MemoryPlan;
  readonly #own: ThreadPlan;
  readonly #kernel: Kernel;
  readonly #products: Products;
  readonly #widths: PaddedWidths;
  readonly #of: { readonly thread: number; readonly threads: number };
  readonly #observer: StepObserver | undefined;
  readonly #command: Int32Array;
  readonly #places: Int32Array;
  readonly #texts: Int32Array;
  readonly #wanted: Int32Array;
  readonly #tables: Uint32Array;
  readonly #areFinite: Int32Array;
  readonly #topIds: Int32Array;
  #part: StepPart = 'between steps';

  constructor(setup: DecoderSetup, thread: number, observer?: StepObserver) {
    const { memory, plan, shape, format } = setup;
    const { buffer } = memory;
    this.#setup = setup;
    this.#plan = plan;
    this.#own = plan.threads[thread] as ThreadPlan;
    this.#kernel = openKernel(memory);
    this.#products = new Products({ ...setup, kernel: this.#kernel, format, thread });
    this.#widths = paddedWidths(shape);
    this.#of = { thread, threads: plan.threads.length };
    this.#observer = observer;
    const rows = (plan.texts - plan.places) / 4;
    const wanted = (plan.hidden - plan.wanted) / 4;
    this.#command = new Int32Array(buffer, plan.command, commandFields);
    this.#places = new Int32Array(buffer, plan.places, rows);
    this.#texts = new Int32Array(buffer, plan.texts, rows);
    this.#wanted = new Int32Array(buffer, plan.wanted, wanted);
    this.#tables = new Uint32Array(buffer, plan.tables, (plan.pages - plan.tables) / 4);
    this.#areFinite = new Int32Array(buffer, this.#own.areFinite, wanted);
    this.#topIds = new Int32Array(buffer, this.#own.topIds, topCandidates * wanted);
  }

  /** Takes the thread's parts of linear layers, which have been read. */
  async open(linears: readonly number[], onOpened: () => void = () => undefined): Promise<void> {
    for (const linear of linears) {
      await this.#products.open(linear);
      onOpened();
    }
  }

  async close(): Promise<void> {
    await this.#products.close();
  }

  /** Computes the step that the command describes. */
  async run(): Promise<void> {
    const { layers } = this.#setup.shape;
    const [, rows = 0, wanted = 0, withLogits = 0] = this.#command;
    this.#begin('norms and quantizing');
    this.#embed(rows);
    for (let layer = 0; layer < layers; layer += 1) {
      const first = linearsPerLayer * layer;
      await this.#joinedOf(layer, this.#norm(2 * layer, first, rows));
      this.#append(layer, rows);
      // After the last layer's keys and values only the rows whose next token is wanted go on.
      const isLast = layer === layers - 1;
      if (isLast && wanted === 0) break;
      const count = isLast ? wanted : rows;
      this.#attend(layer, count, isLast);
      await this.#addProduct(first + 1, this.#share(first + 1, { address: this.#plan.attended, rows: count }));
      await this.#activate(first + 2, this.#norm(2 * layer + 1, first + 2, count));
      await this.#addProduct(first + 3, this.#share(first + 3, { address: this.#plan.inner, rows: count }));
    }
    if (wanted > 0) await this.#predict(wanted, withLogits !== 0);
    this.#wait();
    this.#begin('between steps');
  }

  /** tokens [N, E] → hidden [N, E]. */
  #embed(rows: number): void {
    const { tokens, positions, hidden } = this.#plan;
    const { row } = this.#widths;
    const { from, to } = this.#shareOf(rows);
    for (let index = from; index < to; index += 1) {
      const position = positions + 4 * row * (this.#places[index] ?? 0);
      this.#kernel.embed(tokens + 4 * row * index, position, hidden + 4 * row * index, row);
    }
  }

  /** hidden [rows, E] → its norm, as the input of a linear layer. */
  #norm(norm: number, linear: number, rows: number): Input {
    const { hidden, normed, norms } = this.#plan;
    const { width, epsilon } = this.#setup.shape;
    const { gain = 0, bias = 0 } = norms[norm] ?? {};
    this.#wait();
    this.#begin('norms and quantizing');
    const { from, to } = this.#shareOf(rows);
    this.#kernel.layerNorm(hidden, width, from, to, gain, bias, epsilon, normed);
    return this.#quantize(linear, { address: normed, rows });
  }

  /** Waits for all columns of a linear layer's input. */
  #share(linear: number, input: Input): Input {
    this.#wait();
    this.#begin('norms and quantizing');
    return this.#setup.format === 'int8' ? this.#quantize(linear, input) : this.#observe(linear, input);
  }

  /** Makes whole numbers of a product's input in int8, and waits until this thread may read all rows. */
  #quantize(linear: number, input: Input): Input {
    const { x16, x8, rowScales } = this.#plan;
    const { shape, format } = this.#setup;
    const { from, to } = this.#shareOf(input.rows);
    if (format === 'int8') {
      const isInt16 = this.#products.readsInt16(input.rows);
      const offset = isAfterActivation(linear) ? activationOffset(shape) : 0;
      this.#kernel.quantize(
        input.address,
        this.#linear(linear).inputs,
        from,
        to,
        offset,
        zeroPointOf(linear),
        isInt16 ? x16 : 0,
        isInt16 ? 0 : x8,
        rowScales,
      );
    }
    if (input.rows > 1) this.#wait();
    return this.#observe(linear, input);
  }

  #observe(linear: number, input: Input): Input {
    const { inputs } = this.#linear(linear);
    this.#observer?.onInput?.(linear, this.#floats(input.address, input.rows * inputs), inputs);
    return input;
  }

  /** → joined [rows, 3, heads, D]: queries, keys and values of the thread's heads. */
  async #joinedOf(layer: number, input: Input): Promise<void> {
    const linear = linearsPerLayer * layer;
    const { joined } = this.#own;
    const { columns } = this.#linear(linear);
    await this.#product(linear, input, { out: joined, stride: columns, ending: endings.none });
    this.#observer?.onJoined?.(layer, this.#floats(joined, input.rows * columns));
  }

  #append(layer: number, rows: number): void {
    this.#begin('storing keys and values');
    const { heads, joined, scratch } = this.#own;
    const { head } = this.#widths;
    const { format, shape } = this.#setup;
    const append = format === 'int8' ? 'appendInt8' : 'appendFloat32';
    const bytes = 4 * head * (heads.to - heads.from);
    if (bytes === 0) return;
    for (let row = 0; row < rows; row += 1) {
      const place = this.#places[row] ?? 0;
      const table = this.#tableOf(layer, row);
      const page = this.#tables[table + Math.floor(place / pagePositions)] ?? 0;
      const keys = joined + bytes * (3 * row + 1);
      const slot = place % pagePositions;
      this.#kernel[append](page, slot, shape.heads, head, heads.from, heads.to, keys, keys + bytes, scratch);
    }
  }

  /** → attended [count, A]. In the last layer the wanted rows move together. */
  #attend(layer: number, count: number, isLast: boolean): void {
    this.#begin('attention');
    const { heads, joined, scratch } = this.#own;
    const { head, attention } = this.#widths;
    const { format, shape } = this.#setup;
    const attend = format === 'int8' ? 'attendInt8' : 'attendFloat32';
    const bytes = 4 * head * (heads.to - heads.from);
    for (let index = 0, rows = 1; index < count; index += rows) {
      const row = isLast ? (this.#wanted[index] ?? 0) : index;
      if (isLast) this.#moveHidden(row, index);
      if (bytes === 0) continue;
      rows = !isLast && this.#isPair(row) && row + 1 < count ? 2 : 1;
      this.#kernel[attend](
        this.#plan.tables + 4 * this.#tableOf(layer, row),
        (this.#places[row] ?? 0) + 1,
        shape.heads,
        head,
        heads.from,
        heads.to,
        rows,
        joined + 3 * bytes * row,
        3 * bytes,
        this.#plan.attended + 4 * (attention * index + head * heads.from),
        4 * attention,
        scratch,
      );
    }
  }

  /** Whether a row and the next one are positions of one text whose keys lie in the same group of 16. */
  #isPair(row: number): boolean {
    const place = this.#places[row] ?? 0;
    return place % 2 === 0 && this.#places[row + 1] === place + 1 && this.#texts[row + 1] === this.#texts[row];
  }

  /** Moves the thread's columns of a row of the residual stream. */
  #moveHidden(from: number, to: number): void {
    const { hidden } = this.#plan;
    const { row } = this.#widths;
    const { ranges, columns } = this.#linear(1);
    const first = ranges[0]?.from ?? 0;
    const begin = row * from + first;
    this.#floats(hidden, begin + columns).copyWithin(row * to + first, begin);
  }

  /** hidden += the thread's columns of a product. */
  async #addProduct(linear: number, input: Input): Promise<void> {
    const out = this.#plan.hidden + 4 * (this.#linear(linear).ranges[0]?.from ?? 0);
    await this.#product(linear, input, { out, stride: this.#widths.row, ending: endings.add });
  }

  /** → inner [rows, I]. */
  async #activate(linear: number, input: Input): Promise<void> {
    const out = this.#plan.inner + 4 * (this.#linear(linear).ranges[0]?.from ?? 0);
    const ending = activationEndings[this.#setup.shape.activation];
    await this.#product(linear, input, { out, stride: this.#widths.inner, ending });
  }

  async #product(
    linear: number,
    { address, rows }: Input,
    { out, stride, ending }: { out: number; stride: number; ending: Ending },
  ): Promise<void> {
    this.#begin('products');
    await this.#products.run(linear, rows, address);
    this.#begin('scales, biases and activations');
    const { columns, scales, bias } = this.#linear(linear);
    const columnScales = this.#products.isOwn(rows) ? scales : 0;
    const { sums } = this.#own;
    this.#kernel.finish(sums, rows, columns, this.#rowScales, columnScales, bias, out, stride, ending);
  }

  /** hidden [L, E] → the largest logits of the thread's tokens, and all of them if wanted. */
  async #predict(wanted: number, withLogits: boolean): Promise<void> {
    const { shape } = this.#setup;
    const { sums, topValues, topIds } = this.#own;
    const linear = linearCount(shape) - 1;
    const input = this.#norm(2 * shape.layers, linear, wanted);
    this.#begin('the head');
    if (!withLogits && this.#products.canRunCandidates(wanted)) {
      await this.#products.runCandidates(wanted, topValues, topIds);
      this.#begin('the top candidates');
      const { from = 0 } = this.#linear(linear).ranges[0] ?? {};
      for (let place = 0; place < topCandidates * wanted; place += 1) {
        this.#topIds[place] = (this.#topIds[place] ?? 0) + from;
      }
      // All sums are whole numbers.
      this.#areFinite.fill(1, 0, wanted);
      return;
    }
    await this.#products.run(linear, wanted, input.address);
    this.#begin('the top candidates');
    const { columns, scales, ranges } = this.#linear(linear);
    const { from = 0, to = 0 } = ranges[0] ?? {};
    const columnScales = this.#products.isOwn(wanted) ? scales : 0;
    const stride = 4 * this.#products.strideOf(linear, wanted);
    for (let row = 0; row < wanted; row += 1) {
      const candidates = 4 * topCandidates * row;
      const logits = sums + stride * row;
      this.#areFinite[row] = this.#kernel.top(
        logits,
        to - from,
        columnScales,
        topCandidates,
        from,
        topValues + candidates,
        topIds + candidates,
      );
      if (!withLogits) continue;
      const rowScale = this.#rowScales === 0 ? 0 : this.#rowScales + 4 * row;
      const out = this.#plan.logits + 4 * (paddedWidth(shape.vocabulary) * row + from);
      this.#kernel.finish(logits, 1, columns, rowScale, columnScales, 0, out, columns, endings.none);
    }
  }

  get #rowScales(): number {
    return this.#setup.format === 'int8' ? this.#plan.rowScales : 0;
  }

  #linear(index: number): LinearPlan {
    return this.#own.linears[index] as LinearPlan;
  }

  /** A single row is every thread's: all write the same bits to the same place, so none has to wait for another. */
  #shareOf(rows: number): Range {
    return rows === 1 ? { from: 0, to: 1 } : shareOf(rows, this.#of);
  }

  /** The index in `tables` of the first page of a row's text. */
  #tableOf(layer: number, row: number): number {
    const { layers, positions } = this.#setup.shape;
    return ((this.#texts[row] ?? 0) * layers + layer) * pagesOf(positions);
  }

  #floats(address: number, length: number): Float32Array {
    return new Float32Array(this.#setup.memory.buffer, address, length);
  }

  #begin(part: StepPart): void {
    this.#part = part;
    this.#observer?.onPart?.(part);
  }

  #wait(): void {
    this.#observer?.onPart?.('waiting for other threads');
    this.#kernel.barrier(this.#plan.barrier, this.#of.threads);
    this.#observer?.onPart?.(this.#part);
  }
}
