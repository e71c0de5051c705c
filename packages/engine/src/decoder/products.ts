/**
 * One thread's products with weights. onnxruntime computes them in a session of its own for each weight, on the calling
 * thread. In int8 the products are sums of whole numbers, which are exact in any order, so the kernel gives the same
 * bits: it computes few rows, for which it reads the weights at the speed of the memory.
 */
import { hasQuads, type Kernel } from '@prosemill/kernel';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { microsoftDomain, OnnxGraph } from '../onnx/onnx-graph.ts';
import { topCandidates } from '../sampling/sampling.ts';
import { zeroPointOf } from './decoder-shape.ts';
import { type LinearPlan, type MemoryPlan, minFloatRows, type NumberFormat, openedWeights } from './memory-plan.ts';

const sessionOptions: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'basic',
  // Inputs and outputs are in the shared memory, so there is nothing to allocate ahead.
  enableCpuMemArena: false,
};

export interface ProductsOptions {
  readonly memory: WebAssembly.Memory;
  readonly kernel: Kernel;
  readonly plan: MemoryPlan;
  readonly format: NumberFormat;
  readonly thread: number;
}

export class Products {
  readonly #options: ProductsOptions;
  readonly #linears: readonly LinearPlan[];
  readonly #sums: number;
  readonly #sessions: (InferenceSession | null)[] = [];

  constructor(options: ProductsOptions) {
    this.#options = options;
    ({ linears: this.#linears, sums: this.#sums } = options.plan.threads[options.thread] as MemoryPlan['threads'][0]);
  }

  /** Takes this thread's columns of a linear layer, which are in the shared memory. */
  async open(index: number): Promise<void> {
    const linear = this.#linears[index] as LinearPlan;
    const { format } = this.#options;
    if (linear.columns === 0) {
      this.#sessions[index] = null;
      return;
    }
    const graph = format === 'int8' ? await this.#int8Graph(index, linear) : this.#floatGraph(index, linear);
    this.#sessions[index] = await InferenceSession.create(graph, sessionOptions);
    free(graph);
    if (hasQuads && linear.weights !== 0) {
      const { inputs, columns, weights, starts } = linear;
      this.#options.kernel.pairsToQuads(weights, inputs, columns / 16, zeroPointOf(index), this.#sums, starts);
    }
  }

  /** Whether the kernel computes a product of so many rows. */
  isOwn(rows: number): boolean {
    return rows <= this.#options.plan.maxOwnRows;
  }

  /** Whether a product of so many rows reads x16; else it reads x8 (or floats). */
  readsInt16(rows: number): boolean {
    return this.isOwn(rows) && !hasQuads;
  }

  /**
   * Computes the thread's columns of a product into its sums: int32 if the product is our own, else float32, in int8
   * multiplied by the columns' scales.
   * @param x  The address of the inputs in fp32, [rows, inputs] float32.
   */
  async run(index: number, rows: number, x: number): Promise<void> {
    const { kernel, plan, format, memory } = this.#options;
    const { inputs, columns, weights, starts } = this.#linears[index] as LinearPlan;
    const session = this.#sessions[index] ?? null;
    if (session === null) return;
    if (this.isOwn(rows)) {
      if (hasQuads) kernel.multiplyQuads(weights, inputs, columns / 16, plan.x8, rows, starts, this.#sums);
      else kernel.multiply(weights, inputs, columns / 16, plan.x16, rows, this.#sums);
      return;
    }
    const count = format === 'int8' ? rows : Math.max(rows, minFloatRows);
    const input =
      format === 'int8'
        ? new Tensor('uint8', bytesAt(memory, plan.x8, count * inputs), [count, inputs])
        : new Tensor('float32', floatsAt(memory, x, count * inputs), [count, inputs]);
    const width = this.strideOf(index, rows);
    await runInto(session, input, {
      y: new Tensor('float32', floatsAt(memory, this.#sums, count * width), [count, width]),
    });
  }

  /** The numbers from one row of the sums to the next: only own products have the head's padding. */
  strideOf(index: number, rows: number): number {
    const linear = this.#linears[index] as LinearPlan;
    return this.isOwn(rows) ? linear.columns : widthOf(linear);
  }

  /** Whether `runCandidates` computes the head. It is faster, because the logits stay within onnxruntime. */
  canRunCandidates(rows: number): boolean {
    return this.#hasCandidates(this.#linears.length - 1) && !this.isOwn(rows);
  }

  /**
   * Computes the largest logits of the thread's columns, in the order of the kernel's `top`, without the rows' scales.
   * @param values  The address of [rows, topCandidates] float32.
   * @param columns  The address of the logits' columns, of the same shape in int32.
   */
  async runCandidates(rows: number, values: number, columns: number): Promise<void> {
    const { plan, memory } = this.#options;
    const { inputs } = this.#linears.at(-1) as LinearPlan;
    const session = this.#sessions.at(-1) as InferenceSession;
    const shape = [rows, topCandidates];
    await runInto(session, new Tensor('uint8', bytesAt(memory, plan.x8, rows * inputs), [rows, inputs]), {
      values: new Tensor('float32', floatsAt(memory, values, rows * topCandidates), shape),
      columns: new Tensor('int32', int32At(memory, columns, rows * topCandidates), shape),
    });
  }

  #hasCandidates(index: number): boolean {
    const width = widthOf(this.#linears[index] as LinearPlan);
    return this.#options.format === 'int8' && index === this.#linears.length - 1 && width >= topCandidates;
  }

  async close(): Promise<void> {
    for (const session of this.#sessions) await session?.release();
  }

  async #int8Graph(index: number, linear: LinearPlan): Promise<Uint8Array<ArrayBuffer>> {
    const { memory } = this.#options;
    const { columns, scales } = linear;
    clamping ??= clampsSums();
    const isClamped = await clamping;
    const weights = this.#unpack(index, linear);
    return int8Graph(linear, isClamped ? unsigned(weights) : weights, {
      scales: floatsAt(memory, scales, columns),
      zeroPoint: zeroPointOf(index),
      hasCandidates: this.#hasCandidates(index),
    });
  }

  /** @returns the weights, [inputs, width]; `sums` has room for some rows of them */
  #unpack(index: number, linear: LinearPlan): Int8Array<ArrayBuffer> {
    const { memory, plan, kernel, thread } = this.#options;
    const { inputs, columns } = linear;
    const width = widthOf(linear);
    const values = new Int8Array(inputs * width);
    const packed = openedWeights(plan, index, thread);
    for (let from = 0; from < inputs; from += unpackedRows) {
      kernel.unpack(packed, inputs, columns / 16, from, from + unpackedRows, this.#sums);
      for (let row = 0; row < unpackedRows; row += 1) {
        values.set(new Int8Array(memory.buffer, this.#sums + columns * row, width), width * (from + row));
      }
    }
    return values;
  }

  #floatGraph(index: number, linear: LinearPlan): Uint8Array<ArrayBuffer> {
    const { memory, plan } = this.#options;
    const all = floatsAt(memory, plan.staged, (plan.linears[index]?.weightBytes ?? 0) / 4);
    return floatGraph(linear, all, index === this.#linears.length - 1);
  }
}

/** Inputs are padded to a multiple of this, and `sums` has four bytes for each column of at least four rows. */
const unpackedRows = 16;

/** The thread's columns, without padding. */
const widthOf = ({ ranges }: LinearPlan): number => ranges.reduce((sum, { from, to }) => sum + to - from, 0);

let clamping: Promise<boolean> | undefined;

/** Whether this CPU clamps sums of products of uint8 and int8 to 16 bits, as x64 does without VNNI. */
async function clampsSums(): Promise<boolean> {
  const [inputs, columns] = [16, 16];
  const ranges = [{ from: 0, to: columns }];
  const linear = { inputs, columns, ranges, weights: 0, starts: 0, scales: 0, bias: 0 };
  const weights = new Int8Array(inputs * columns).fill(127);
  const scales = new Float32Array(columns).fill(1);
  const graph = int8Graph(linear, weights, { scales, zeroPoint: 0, hasCandidates: false });
  const session = await InferenceSession.create(graph, sessionOptions);
  const { y } = await session.run({ x: new Tensor('uint8', new Uint8Array(inputs).fill(255), [1, inputs]) });
  await session.release();
  return y?.data[0] !== inputs * 127 * 255;
}

// onnxruntime's types want a view of an ArrayBuffer, but a view of shared memory works as well.
const floatsAt = (memory: WebAssembly.Memory, address: number, length: number): Float32Array<ArrayBuffer> =>
  new Float32Array(memory.buffer as unknown as ArrayBuffer, address, length);
const bytesAt = (memory: WebAssembly.Memory, address: number, length: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array(memory.buffer as unknown as ArrayBuffer, address, length);

const int32At = (memory: WebAssembly.Memory, address: number, length: number): Int32Array<ArrayBuffer> =>
  new Int32Array(memory.buffer as unknown as ArrayBuffer, address, length);

/** Fills the outputs. The binding makes a copy of each as well. */
async function runInto(session: InferenceSession, x: Tensor, outputs: Readonly<Record<string, Tensor>>): Promise<void> {
  const copies = await session.run({ x }, outputs);
  for (const [name, { data }] of Object.entries(copies)) {
    if (data !== outputs[name]?.data) free(data as Float32Array<ArrayBuffer>);
  }
}

/** Frees the bytes at once: a thread that waits for steps collects no garbage. */
const free = ({ buffer }: { readonly buffer: ArrayBuffer }): void => void buffer.transfer(0);

/**
 * Adds 128, which the graph takes away. onnxruntime's option for exact sums, `session.x64quantprecision`, does the
 * same, but leaves half as much memory behind as the weights take.
 */
function unsigned({ buffer }: Int8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const fours = new Int32Array(buffer);
  for (let index = 0; index < fours.length; index += 1) fours[index] = (fours[index] ?? 0) ^ 0x80_80_80_80;
  return new Uint8Array(buffer);
}

interface Int8Product {
  readonly scales: Float32Array;
  readonly zeroPoint: number;
  /** Whether the graph also outputs the largest numbers of each row, and their columns. */
  readonly hasCandidates: boolean;
}

/**
 * x [N, inputs] uint8 → y [N, width] float32: exact sums, then one rounding and one multiplication.
 * @param values  The weights, [inputs, width], plus 128 if they are unsigned. They are freed.
 */
function int8Graph(
  linear: LinearPlan,
  values: Int8Array<ArrayBuffer> | Uint8Array<ArrayBuffer>,
  { scales, zeroPoint, hasCandidates }: Int8Product,
): Uint8Array<ArrayBuffer> {
  const { inputs } = linear;
  const width = widthOf(linear);
  const graph = new OnnxGraph();
  const x = graph.input('x', 'uint8', ['N', inputs]);
  const weights = graph.constant(values, [inputs, width]);
  const one = graph.constant(Float32Array.of(1), []);
  const all = [x, weights, one, graph.constant(scales.slice(0, width)), graph.constant(Uint8Array.of(zeroPoint), [])];
  if (values instanceof Uint8Array) all.push(graph.constant(Uint8Array.of(128), []));
  const product = graph.node('MatMulIntegerToFloat', all, {}, microsoftDomain);
  graph.output(product, 'y', 'float32', ['N', width]);
  if (hasCandidates) {
    const count = graph.constant(BigInt64Array.of(BigInt(topCandidates)));
    const [largest = '', places = ''] = graph.nodes('TopK', [product, count], { count: 2 });
    graph.output(largest, 'values', 'float32', ['N', topCandidates]);
    graph.output(graph.node('Cast', [places], { to: 6 }), 'columns', 'int32', ['N', topCandidates]);
  }
  const bytes = graph.finish('product');
  free(values);
  return bytes;
}

/** x [N, inputs] → y [N, width]. */
function floatGraph(linear: LinearPlan, all: Float32Array, isHead: boolean): Uint8Array<ArrayBuffer> {
  const { inputs, ranges } = linear;
  const width = widthOf(linear);
  const graph = new OnnxGraph();
  const x = graph.input('x', 'float32', ['N', inputs]);
  const own = new Float32Array(inputs * width);
  if (isHead) {
    own.set(all.subarray((ranges[0]?.from ?? 0) * inputs, (ranges[0]?.to ?? 0) * inputs));
    const weights = graph.constant(own, [width, inputs]);
    graph.output(graph.node('Gemm', [x, weights], { transB: 1 }), 'y', 'float32', ['N', width]);
  } else {
    const outputs = all.length / inputs;
    for (let input = 0; input < inputs; input += 1) {
      let done = input * width;
      for (const { from, to } of ranges) {
        own.set(all.subarray(input * outputs + from, input * outputs + to), done);
        done += to - from;
      }
    }
    graph.output(graph.node('MatMul', [x, graph.constant(own, [inputs, width])]), 'y', 'float32', ['N', width]);
  }
  const bytes = graph.finish('product');
  free(own);
  return bytes;
}
