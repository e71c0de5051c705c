/**
 * Computes a decoder-only transformer: the next tokens of many texts at a time. The calling thread does its part of
 * each step, beside threads that this starts.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { joinVectors, paddedWidth } from '@prosemill/kernel';
import type { OnShare } from '../load-progress.ts';
import { topCandidates } from '../sampling/sampling.ts';
import { type DecoderShape, paddedWidths } from './decoder-shape.ts';
import type { ToThread } from './decoder-thread.ts';
import { type CachedText, KeyValuePages } from './key-value-pages.ts';
import {
  commandFields,
  isStaged,
  type LinearPlan,
  type MemoryOptions,
  type MemoryPlan,
  openedWeights,
  planMemory,
  type StoredLinear,
} from './memory-plan.ts';
import type { ModelParts, TokenReader } from './model-parts.ts';
import { type DecoderSetup, type StepObserver, ThreadStep } from './thread-step.ts';

export interface DecoderOptions extends Omit<MemoryOptions, 'shape' | 'format'> {
  readonly observer?: StepObserver | undefined;
  readonly onShare?: OnShare;
}

/** The next positions of one text. */
export interface Segment {
  readonly text: CachedText;
  /** The tokens at these positions. */
  readonly ids: ArrayLike<number>;
  /** The number of these positions, counted from the end, whose next token is wanted. */
  readonly wanted: number;
}

/** The rows are the wanted positions, in the order of the segments. */
export interface StepOutput {
  /**
   * Shape [L, topCount]: largest first; among equal ones the lower id comes first. In int8 they are compared before the
   * row's scale rounds them.
   */
  readonly topIds: Int32Array;
  /** Shape [L, topCount]; NaN if a logit of the row is not a finite number. */
  readonly topValues: Float32Array;
  /** `topCandidates`, or the vocabulary if that is smaller. */
  readonly topCount: number;
  /** The logits of a row, [V]: a view that the next step overwrites. Throws unless the step was asked for logits. */
  readonly logitsOf: (row: number) => Float32Array;
}

/** The parts of the shared memory that begin and end a step. */
interface StepViews {
  readonly command: Int32Array;
  /** The vector of each row's token. */
  readonly tokens: readonly Uint8Array[];
  /** One number for each row. */
  readonly places: Int32Array;
  readonly texts: Int32Array;
  readonly wantedRows: Int32Array;
  /** [L], in int8. */
  readonly rowScales: Float32Array;
  /** The candidates of each thread. */
  readonly lists: readonly {
    readonly ids: Int32Array;
    readonly values: Float32Array;
    readonly areFinite: Int32Array;
  }[];
}

export class Decoder {
  readonly shape: DecoderShape;
  readonly pages: KeyValuePages;
  readonly #setup: DecoderSetup;
  readonly #step: ThreadStep;
  readonly #workers: readonly Worker[];
  readonly #limits: { readonly rows: number; readonly wanted: number };
  readonly #views: StepViews;
  readonly #readToken: TokenReader;
  readonly #closeModel: () => Promise<void>;

  /** Starts the threads last, so that an error leaves none behind. */
  private constructor(
    setup: DecoderSetup,
    model: ModelParts,
    { threads, texts, rows, wanted, observer }: DecoderOptions,
  ) {
    this.#setup = setup;
    this.#readToken = model.tokenReader();
    this.#closeModel = model.close;
    this.#limits = { rows, wanted };
    this.#views = viewsOf(setup, { rows, wanted });
    this.#step = new ThreadStep(setup, 0, observer);
    this.shape = setup.shape;
    this.pages = new KeyValuePages(setup.memory, setup.plan, { ...setup.shape, texts });
    this.#workers = Array.from({ length: threads - 1 }, (_, index) => takeThread(setup, index + 1));
  }

  /**
   * Later errors in one of the threads end the process, because the other threads wait for that one.
   * @throws {RangeError} when the model does not fit into the memory
   * @throws the errors of `model` and of onnxruntime
   */
  static async open(model: ModelParts, options: DecoderOptions): Promise<Decoder> {
    const { shape, format } = model;
    const { onShare = () => undefined } = options;
    const plan = planMemory({ ...options, shape, format });
    const pages = Math.ceil(plan.bytes / 2 ** 16);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const setup = { memory, plan, shape, format };
    const decoder = new Decoder(setup, model, options);
    try {
      await readTables(model, memory, plan);
      await decoder.#openLinears(model, onShare);
    } catch (error) {
      await decoder.close();
      throw error;
    }
    joinVectors();
    decoder.#tell({ type: 'serve' });
    // The process may end while the threads wait for the next step.
    for (const worker of decoder.#workers) worker.unref();
    return decoder;
  }

  /**
   * Adds the positions to the texts' keys and values, and predicts the wanted next tokens. Blocks the calling thread
   * for most of its time.
   * @throws {RangeError} when the step is too large or a token does not exist, and the errors of reading the token
   *   table; then no text has changed
   */
  async step(segments: readonly Segment[], { withLogits = false } = {}): Promise<StepOutput> {
    const wanted = this.#write(segments, withLogits);
    await this.#step.run().catch(endProcess);
    return this.#read(wanted, withLogits);
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map(async (worker) => await worker.terminate()));
    await this.#step.close();
    await this.#closeModel();
  }

  /**
   * All at once, so that no thread waits for another, unless they are staged in the same place. The largest come first:
   * opening one leaves free memory behind, which only smaller ones fill without a rest.
   */
  async #openLinears(model: ModelParts, onShare: OnShare): Promise<void> {
    const { plan } = this.#setup;
    const sizes = plan.linears.map(({ weightBytes }) => weightBytes);
    const order = [...sizes.keys()].toSorted((a, b) => (sizes[b] ?? 0) - (sizes[a] ?? 0));
    const count = order.length;
    const together = isStaged(plan) ? 1 : count;
    for (let done = 0; done < count;) {
      const linears = order.slice(done, done + together);
      for (const linear of linears) await readLinear(linear, model, this.#setup);
      const opened = this.#workers.map(async (worker) => await once(worker, 'message'));
      this.#tell({ type: 'open', linears });
      const own = this.#step.open(linears, () => onShare((done += 1) / count));
      await Promise.all([own, ...opened]);
    }
  }

  #tell(message: ToThread): void {
    for (const worker of this.#workers) worker.postMessage(message);
  }

  #write(segments: readonly Segment[], withLogits: boolean): number {
    this.#check(segments);
    this.#readTokens(segments);
    const { command, places, texts, wantedRows } = this.#views;
    let row = 0;
    let wanted = 0;
    for (const segment of segments) {
      const { text } = segment;
      const count = segment.ids.length;
      const first = text.length;
      this.pages.extend(text, count);
      for (let index = 0; index < count; index += 1) {
        places[row] = first + index;
        texts[row] = text.row;
        if (index >= count - segment.wanted) wantedRows[wanted++] = row;
        row += 1;
      }
    }
    command.set([row, wanted, withLogits ? 1 : 0], 1);
    Atomics.add(command, 0, 1);
    Atomics.notify(command, 0);
    return wanted;
  }

  #readTokens(segments: readonly Segment[]): void {
    const { tokens } = this.#views;
    let row = 0;
    for (const { ids } of segments) {
      for (let index = 0; index < ids.length; index += 1) {
        const target = tokens[row++];
        if (target !== undefined) this.#readToken(target, target.length * (ids[index] ?? 0));
      }
    }
  }

  #check(segments: readonly Segment[]): void {
    const { vocabulary } = this.shape;
    const rows = segments.reduce((sum, { ids }) => sum + ids.length, 0);
    const wanted = segments.reduce((sum, segment) => sum + segment.wanted, 0);
    if (rows > this.#limits.rows || wanted > this.#limits.wanted) {
      throw new RangeError(`A step of ${rows} rows, ${wanted} of them wanted, is too large.`);
    }
    for (const { ids } of segments) {
      for (let index = 0; index < ids.length; index += 1) {
        const id = ids[index] ?? -1;
        if (!(id >= 0 && id < vocabulary)) throw new RangeError(`The model has no token ${id}.`);
      }
    }
  }

  #read(wanted: number, withLogits: boolean): StepOutput {
    const { memory, plan, format } = this.#setup;
    const { vocabulary } = this.shape;
    const topCount = Math.min(topCandidates, vocabulary);
    const { lists, rowScales } = this.#views;
    const topIds = new Int32Array(topCount * wanted);
    const topValues = new Float32Array(topCount * wanted);
    const next = new Int32Array(lists.length);
    for (let row = 0; row < wanted; row += 1) {
      const scale = format === 'int8' ? (rowScales[row] ?? Number.NaN) : 1;
      const isFinite = Number.isFinite(scale) && lists.every(({ areFinite }) => areFinite[row] === 1);
      next.fill(topCandidates * row);
      for (let place = topCount * row; place < topCount * (row + 1); place += 1) {
        let best = 0;
        // The ids of a thread are lower than those of the next one, so the first of equal values is the right one.
        for (let thread = 1; thread < lists.length; thread += 1) {
          if (valueAt(lists, next, thread) > valueAt(lists, next, best)) best = thread;
        }
        topIds[place] = lists[best]?.ids[next[best] ?? 0] ?? 0;
        topValues[place] = isFinite ? valueAt(lists, next, best) * scale : Number.NaN;
        next[best] = (next[best] ?? 0) + 1;
      }
    }
    const stride = 4 * paddedWidth(vocabulary);
    return {
      topIds,
      topValues,
      topCount,
      logitsOf(row) {
        if (!withLogits || row >= wanted) throw new RangeError(`The step has no logits of row ${row}.`);
        return new Float32Array(memory.buffer, plan.logits + stride * row, vocabulary);
      },
    };
  }
}

function viewsOf(setup: DecoderSetup, { rows, wanted }: { rows: number; wanted: number }): StepViews {
  const { memory, plan, shape } = setup;
  const rowBytes = 4 * paddedWidths(shape).row;
  const int32 = (address: number, length: number): Int32Array => new Int32Array(memory.buffer, address, length);
  return {
    command: int32(plan.command, commandFields),
    tokens: Array.from(
      { length: rows },
      (_, row) => new Uint8Array(memory.buffer, plan.tokens + rowBytes * row, rowBytes),
    ),
    places: int32(plan.places, rows),
    texts: int32(plan.texts, rows),
    wantedRows: int32(plan.wanted, wanted),
    rowScales: new Float32Array(memory.buffer, plan.rowScales, wanted),
    lists: plan.threads.map(({ topIds, topValues, areFinite }) => ({
      ids: int32(topIds, topCandidates * wanted),
      values: new Float32Array(memory.buffer, topValues, topCandidates * wanted),
      areFinite: int32(areFinite, wanted),
    })),
  };
}

const startThread = (): Worker => new Worker(new URL('decoder-thread.ts', import.meta.url));

let spareThreads: Worker[] = [];

/** Starts threads for the next decoder, because a start takes a tenth of a second. */
export function prepareThreads(threads: number): void {
  spareThreads = Array.from({ length: threads - 1 }, startThread);
}

function takeThread(setup: DecoderSetup, thread: number): Worker {
  const worker = spareThreads.pop() ?? startThread();
  worker.postMessage({ type: 'set-up', setup, thread } satisfies ToThread);
  return worker;
}

/** Throws where nobody catches: the other threads wait for this one. */
async function endProcess(error: unknown): Promise<never> {
  setImmediate(() => {
    throw error;
  });
  return await new Promise(() => undefined);
}

/** Reads the parts that all threads use in place. */
async function readTables({ shape, read }: ModelParts, memory: WebAssembly.Memory, plan: MemoryPlan): Promise<void> {
  const { row } = paddedWidths(shape);
  const fill = async (name: string, address: number, bytes: number): Promise<void> =>
    await read(name, new Uint8Array(memory.buffer, address, bytes));
  await fill('positions', plan.positions, 4 * row * shape.positions);
  for (const [index, { gain, bias }] of plan.norms.entries()) {
    await fill(`norm.${index}.gain`, gain, 4 * row);
    await fill(`norm.${index}.bias`, bias, 4 * row);
  }
}

/**
 * Fills the threads' scales and biases, and the weights: in int8 each thread's columns, which are together, in fp32 the
 * whole matrix.
 */
async function readLinear(linear: number, { read }: ModelParts, { memory, plan, format }: DecoderSetup): Promise<void> {
  const { weightBytes, scaleBytes, biasBytes } = plan.linears[linear] as StoredLinear;
  const name = (part: string): string => `linear.${linear}.${part}`;
  const floats = new Float32Array(memory.buffer);
  const bytesAt = (address: number, length: number): Uint8Array => new Uint8Array(memory.buffer, address, length);
  const scales = new Float32Array(scaleBytes / 4);
  const bias = new Float32Array(biasBytes / 4);
  if (scaleBytes > 0) await read(name('scales'), new Uint8Array(scales.buffer));
  if (biasBytes > 0) await read(name('bias'), new Uint8Array(bias.buffer));
  if (format === 'fp32') await read(name('weights'), bytesAt(plan.staged, weightBytes));
  for (const [thread, { linears }] of plan.threads.entries()) {
    const own = linears[linear] as LinearPlan;
    let weights = openedWeights(plan, linear, thread);
    let done = 0;
    for (const { from, to } of own.ranges) {
      const length = paddedWidth(to - from) * own.inputs;
      if (format === 'int8') await read(name('weights'), bytesAt(weights, length), from * own.inputs);
      weights += length;
      if (scaleBytes > 0) floats.set(scales.subarray(from, to), own.scales / 4 + done);
      if (biasBytes > 0) floats.set(bias.subarray(from, to), own.bias / 4 + done);
      done += to - from;
    }
  }
}

const valueAt = (lists: readonly { readonly values: Float32Array }[], next: Int32Array, thread: number): number =>
  lists[thread]?.values[next[thread] ?? 0] ?? Number.NEGATIVE_INFINITY;
