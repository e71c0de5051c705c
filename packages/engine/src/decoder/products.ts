/**
 * One thread's products with weights. onnxruntime computes them in a session of its own for each weight, on the calling
 * thread. In int8 the products are sums of whole numbers, which are exact in any order, so the kernel gives the same
 * bits: it computes one or two rows, for which it reads the weights at the speed of the memory.
 */
import { type Kernel, paddedWidth } from '@prosemill/kernel';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { microsoftDomain, OnnxGraph } from '../onnx/onnx-graph.ts';
import { zeroPointOf } from './decoder-shape.ts';
import { type LinearPlan, maxOwnRows, type MemoryPlan, minFloatRows, type NumberFormat } from './memory-plan.ts';

const sessionOptions: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'basic',
  // Inputs and outputs are in the shared memory, so there is nothing to allocate ahead.
  enableCpuMemArena: false,
};

/** Exact sums where the CPU would clamp them, at half the speed. onnxruntime heeds this from the level extended on. */
const exactOptions: InferenceSession.SessionOptions = {
  ...sessionOptions,
  graphOptimizationLevel: 'extended',
  extra: { session: { x64quantprecision: '1' } },
};

export interface ProductsOptions {
  readonly memory: WebAssembly.Memory;
  readonly kernel: Kernel;
  readonly plan: MemoryPlan;
  readonly format: NumberFormat;
  readonly thread: number;
  /** Own products are for rows up to this number; less than the default in tests only. */
  readonly maxOwnRows?: number | undefined;
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

  /** Takes this thread's columns of a linear layer, whose parts are at `staged` in the shared memory. */
  async open(index: number): Promise<void> {
    const linear = this.#linears[index] as LinearPlan;
    const { format, plan } = this.#options;
    const { weights, scales, bias } = plan.staged;
    if (linear.bias !== 0) this.#takeColumns(bias, linear, linear.bias);
    const columnScales = format === 'int8' ? this.#takeColumns(scales, linear, linear.scales) : null;
    if (linear.columns === 0) {
      this.#sessions[index] = null;
      return;
    }
    const graph =
      columnScales === null
        ? floatGraph(linear, this.#stagedFloats(index, weights), index === this.#linears.length - 1)
        : int8Graph(linear, this.#takeWeights(weights, linear), columnScales, zeroPointOf(index));
    this.#sessions[index] = await InferenceSession.create(graph, await optionsFor(format));
    free(graph);
  }

  /** Whether a product of so many rows reads x16; else it reads x8 (or floats). */
  isOwn(rows: number): boolean {
    const { format, plan, maxOwnRows: most = maxOwnRows } = this.#options;
    return format === 'int8' && rows <= most && (plan.threads[0]?.linears[0]?.weights ?? 0) !== 0;
  }

  /**
   * Computes the thread's columns of a product into its sums: int32 if the product is our own, else float32, in int8
   * multiplied by the columns' scales.
   * @param x  The address of the inputs in fp32, [rows, inputs] float32.
   */
  async run(index: number, rows: number, x: number): Promise<void> {
    const { kernel, plan, format, memory } = this.#options;
    const { inputs, columns, weights } = this.#linears[index] as LinearPlan;
    const session = this.#sessions[index] ?? null;
    if (session === null) return;
    if (this.isOwn(rows)) {
      kernel.multiply(weights, inputs, columns / 16, plan.x16, rows, this.#sums);
      return;
    }
    const count = format === 'int8' ? rows : Math.max(rows, minFloatRows);
    const input =
      format === 'int8'
        ? new Tensor('uint8', bytesAt(memory, plan.x8, count * inputs), [count, inputs])
        : new Tensor('float32', floatsAt(memory, x, count * inputs), [count, inputs]);
    const output = new Tensor('float32', floatsAt(memory, this.#sums, count * columns), [count, columns]);
    const { y } = await session.run({ x: input }, { y: output });
    // The binding fills the output, and makes a copy of it as well.
    if (y !== undefined && y.data !== output.data) free(y.data as Float32Array<ArrayBuffer>);
  }

  async close(): Promise<void> {
    for (const session of this.#sessions) await session?.release();
  }

  #stagedFloats(index: number, address: number): Float32Array {
    const { memory, plan } = this.#options;
    return floatsAt(memory, address, (plan.linears[index]?.weightBytes ?? 0) / 4);
  }

  #takeColumns(staged: number, { ranges, columns }: LinearPlan, address: number): Float32Array {
    const { memory } = this.#options;
    const target = floatsAt(memory, address, columns);
    let done = 0;
    for (const { from, to } of ranges) {
      target.set(floatsAt(memory, staged + 4 * from, to - from), done);
      done += to - from;
    }
    return target;
  }

  /** Copies the packed blocks of the thread's columns to their place, if they have one, and returns them. */
  #takeWeights(staged: number, { ranges, columns, inputs, weights }: LinearPlan): Int8Array {
    const { buffer } = this.#options.memory;
    const length = inputs * columns;
    const target = weights === 0 ? new Int8Array(length) : new Int8Array(buffer, weights, length);
    let done = 0;
    for (const { from, to } of ranges) {
      const blocks = new Int8Array(buffer, staged + from * inputs, paddedWidth(to - from) * inputs);
      target.set(blocks, done);
      done += blocks.length;
    }
    return target;
  }
}

let clamping: Promise<boolean> | undefined;

async function optionsFor(format: NumberFormat): Promise<InferenceSession.SessionOptions> {
  if (format === 'fp32') return sessionOptions;
  clamping ??= clampsSums();
  return (await clamping) ? exactOptions : sessionOptions;
}

/** Whether this CPU clamps sums of products of uint8 and int8 to 16 bits, as x64 does without VNNI. */
async function clampsSums(): Promise<boolean> {
  const [inputs, columns] = [16, 16];
  const linear = { inputs, columns, ranges: [], weights: 0, scales: 0, bias: 0 };
  const weights = new Int8Array(inputs * columns).fill(127);
  const graph = int8Graph(linear, weights, new Float32Array(columns).fill(1), 0);
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

/** Frees the bytes at once: a thread that waits for steps collects no garbage. */
const free = ({ buffer }: { readonly buffer: ArrayBuffer }): void => void buffer.transfer(0);

/** x [N, inputs] uint8 → y [N, columns] float32: exact sums, then one rounding and one multiplication. */
function int8Graph(
  { inputs, columns }: LinearPlan,
  packed: Int8Array,
  scales: Float32Array,
  zeroPoint: number,
): Uint8Array<ArrayBuffer> {
  const graph = new OnnxGraph();
  const x = graph.input('x', 'uint8', ['N', inputs]);
  const values = unpack(packed, inputs, columns);
  const weights = graph.constant(values, [inputs, columns]);
  const one = graph.constant(Float32Array.of(1), []);
  const all = [x, weights, one, graph.constant(scales.slice()), graph.constant(Uint8Array.of(zeroPoint), [])];
  graph.output(graph.node('MatMulIntegerToFloat', all, {}, microsoftDomain), 'y', 'float32', ['N', columns]);
  const bytes = graph.finish('product');
  free(values);
  return bytes;
}

/** x [N, inputs] → y [N, columns]. */
function floatGraph(
  { inputs, columns, ranges }: LinearPlan,
  all: Float32Array,
  isHead: boolean,
): Uint8Array<ArrayBuffer> {
  const graph = new OnnxGraph();
  const x = graph.input('x', 'float32', ['N', inputs]);
  const own = new Float32Array(inputs * columns);
  if (isHead) {
    own.set(all.subarray((ranges[0]?.from ?? 0) * inputs, (ranges[0]?.to ?? 0) * inputs));
    const weights = graph.constant(own, [columns, inputs]);
    graph.output(graph.node('Gemm', [x, weights], { transB: 1 }), 'y', 'float32', ['N', columns]);
  } else {
    const outputs = all.length / inputs;
    for (let input = 0; input < inputs; input += 1) {
      let done = input * columns;
      for (const { from, to } of ranges) {
        own.set(all.subarray(input * outputs + from, input * outputs + to), done);
        done += to - from;
      }
    }
    graph.output(graph.node('MatMul', [x, graph.constant(own, [inputs, columns])]), 'y', 'float32', ['N', columns]);
  }
  const bytes = graph.finish('product');
  free(own);
  return bytes;
}

/** [columns / 16][inputs / 2][16][2] → [inputs, columns]. */
function unpack(packed: Int8Array, inputs: number, columns: number): Int8Array<ArrayBuffer> {
  const values = new Int8Array(packed.length);
  let place = 0;
  for (let block = 0; block < columns; block += 16) {
    for (let input = 0; input < inputs; input += 2) {
      const first = input * columns + block;
      const second = first + columns;
      for (let column = 0; column < 16; column += 1) {
        values[first + column] = packed[place] as number;
        values[second + column] = packed[place + 1] as number;
        place += 2;
      }
    }
  }
  return values;
}
