/** Continuous batching: at each step texts join and leave. @see Yu et al. 2022, "Orca", OSDI */
import type { TextRun } from '../sampling/text-run.ts';
import { admit, paddedLength } from './admission.ts';
import type { Gpt2Session, StepOutput } from './gpt2-session.ts';
import type { Gpt2Shape } from './gpt2-weights.ts';
import { KvCache } from './kv-cache.ts';

export interface BatchLoopOptions {
  readonly session: Gpt2Session;
  readonly shape: Gpt2Shape;
  /** Texts at once. */
  readonly slots: number;
}

interface Entry {
  readonly textRun: TextRun;
  readonly onStart: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** An entry in the batch: row i of the cache is the i-th. */
interface Active extends Entry {
  /** Chosen, not yet computed on. */
  nextId: number;
}

/** A kernel for one row computes in another order: fewer rows than this are filled up with copies that nobody reads. */
const minRows = 4;

export class BatchLoop {
  readonly slots: number;
  readonly #session: Gpt2Session;
  readonly #shape: Gpt2Shape;
  readonly #cache: KvCache;
  readonly #waiting: Entry[] = [];
  readonly #active: Active[] = [];
  #isRunning = false;

  constructor({ session, shape, slots }: BatchLoopOptions) {
    this.slots = slots;
    this.#session = session;
    this.#shape = shape;
    const { layers, heads, width, positions } = shape;
    this.#cache = new KvCache({ layers, heads, headWidth: width / heads, positions });
  }

  /** Resolves when the run has ended; rejects when the model fails. `onStart` is called when it joins the batch. */
  async run(textRun: TextRun, onStart: () => void): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ textRun, onStart, resolve, reject });
      if (!this.#isRunning) void this.#loop();
    });
  }

  async #loop(): Promise<void> {
    this.#isRunning = true;
    // Everything that arrives in this turn of the event loop joins the first step.
    await new Promise(setImmediate);
    while (this.#waiting.length > 0 || this.#active.length > 0) {
      try {
        this.#dropEnded();
        await this.#prefillWaiting();
        if (this.#active.length > 0) await this.#decode();
      } catch (error) {
        this.#failAll(error);
      }
    }
    this.#isRunning = false;
  }

  /** Canceled between two steps. */
  #dropEnded(): void {
    for (let row = this.#active.length - 1; row >= 0; row -= 1)
      if (this.#active[row]?.textRun.ending !== null) this.#leave(row);
    for (let index = this.#waiting.length - 1; index >= 0; index -= 1) {
      if (this.#waiting[index]?.textRun.ending !== null) this.#waiting.splice(index, 1)[0]?.resolve();
    }
  }

  async #prefillWaiting(): Promise<void> {
    const count = admit({
      waiting: this.#waiting.map(({ textRun }) => textRun.promptIds.length),
      freeSlots: this.slots - this.#active.length,
      running: this.#active.length,
    });
    const joining = this.#waiting.splice(0, count);
    // Prompts of one padded length share a run.
    const groups = Map.groupBy(joining, ({ textRun }) => paddedLength(textRun.promptIds.length));
    for (const [length, group] of groups) {
      for (let start = 0; start < group.length; start += prefillRows(length)) {
        await this.#prefill(group.slice(start, start + prefillRows(length)), length);
      }
    }
  }

  /** @param length  S, the prompts' length with padding. */
  async #prefill(group: readonly Entry[], length: number): Promise<void> {
    const rows = group.length;
    const ids = new Int32Array(rows * length);
    const positions = new Int32Array(rows * length);
    const last = new Int32Array(rows);
    for (const [row, { textRun, onStart }] of group.entries()) {
      onStart();
      ids.set(textRun.promptIds, row * length);
      for (let step = 0; step < length; step += 1)
        positions[row * length + step] = Math.min(step, this.#shape.positions - 1);
      last[row] = row * length + textRun.promptIds.length - 1;
    }
    const none = new Float32Array();
    const output = await this.#session
      .run({
        ids,
        positions,
        last,
        mask: causalMask(rows, length),
        pastLength: 0,
        past: () => [none, none],
        withLogits: group.some(({ textRun }) => textRun.needsAllLogits),
      })
      .catch((error: unknown) => {
        for (const { reject } of group) reject(error);
        throw error;
      });
    const lengths = group.map(({ textRun }) => textRun.promptIds.length);
    this.#cache.reserve(this.#active.length + rows, Math.max(...this.#cache.lengths, ...lengths) + 1);
    for (const [row, entry] of group.entries()) {
      const source = output.newRows.map(
        ([keys, values]) =>
          [
            { data: keys, row, stride: length },
            { data: values, row, stride: length },
          ] as const,
      );
      this.#cache.addRow(source, entry.textRun.promptIds.length);
      const active = { ...entry, nextId: 0 };
      this.#active.push(active);
      this.#choose(active, output, row);
    }
    this.#dropEnded();
  }

  async #decode(): Promise<void> {
    const count = this.#active.length;
    const rows = Math.max(count, minRows);
    this.#cache.reserve(rows, Math.max(...this.#cache.lengths) + 1);
    const { lengths, bucket } = this.#cache;
    const ids = new Int32Array(rows);
    const positions = new Int32Array(rows);
    for (const [row, { nextId }] of this.#active.entries()) {
      ids[row] = nextId;
      positions[row] = lengths[row] ?? 0;
    }
    const output = await this.#session.run({
      ids,
      positions,
      last: Int32Array.from({ length: rows }, (_, row) => row),
      mask: pastMask(rows, lengths, bucket),
      pastLength: bucket,
      past: (layer) => this.#cache.view(layer, rows),
      withLogits: this.#active.some(({ textRun }) => textRun.needsAllLogits),
    });
    this.#cache.appendStep(output.newRows);
    for (const [row, active] of this.#active.entries()) this.#choose(active, output, row);
    this.#dropEnded();
  }

  #choose(active: Active, output: StepOutput, row: number): void {
    const { textRun } = active;
    if (textRun.ending !== null) return;
    if (textRun.needsAllLogits && output.logits !== null) {
      const { vocabulary } = this.#shape;
      active.nextId = textRun.choose(output.logits.subarray(row * vocabulary, (row + 1) * vocabulary));
    } else {
      const [from, to] = [row * output.topCount, (row + 1) * output.topCount];
      active.nextId = textRun.chooseFromTop(output.topIds.subarray(from, to), output.topValues.subarray(from, to));
    }
    textRun.append(active.nextId);
  }

  /** The last row moves into the place of one that leaves, in the batch as in the cache. */
  #leave(row: number): void {
    const [leaving] = this.#active.splice(row, 1, ...this.#active.splice(-1, row === this.#active.length - 1 ? 0 : 1));
    this.#cache.removeRow(row);
    leaving?.resolve();
  }

  #failAll(error: unknown): void {
    for (const { reject } of this.#active) reject(error);
    while (this.#active.length > 0) {
      this.#active.pop();
      this.#cache.removeRow(this.#active.length);
    }
  }
}

/** Prompts of this padded length in one run: bounds the memory of attention, which is quadratic in the length. */
const prefillRows = (length: number): number => Math.max(1, Math.floor(512 / length));

/** Shape [rows, 1, S, S]. */
function causalMask(rows: number, length: number): Float32Array {
  const mask = new Float32Array(rows * length * length);
  for (let row = 0; row < rows; row += 1) {
    for (let step = 0; step < length; step += 1) {
      const from = (row * length + step) * length;
      mask.fill(Number.NEGATIVE_INFINITY, from + step + 1, from + length);
    }
  }
  return mask;
}

/** Shape [rows, 1, 1, 1+T]: the new position, then the past. A row that is not used sees only itself. */
function pastMask(rows: number, lengths: readonly number[], bucket: number): Float32Array {
  const mask = new Float32Array(rows * (1 + bucket));
  for (let row = 0; row < rows; row += 1) {
    const from = row * (1 + bucket) + 1;
    mask.fill(Number.NEGATIVE_INFINITY, from + (lengths[row] ?? 0), from + bucket);
  }
  return mask;
}
