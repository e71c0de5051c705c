/** Continuous batching: at each step texts join and leave. @see Yu et al. 2022, "Orca", OSDI */
import type { TextRun } from '../sampling/text-run.ts';
import { admit, paddedLength } from './admission.ts';
import type { Gpt2Session, LaneInput, StepOutput } from './gpt2-session.ts';
import type { Gpt2Shape } from './gpt2-weights.ts';
import { KvLane, laneSizes } from './kv-lane.ts';

export interface BatchLoopOptions {
  readonly session: Gpt2Session;
  readonly shape: Gpt2Shape;
  /** Texts at once. */
  readonly slots: number;
  /** Rows of a decode step; fewer are filled up with some that nobody reads. */
  readonly minRows: number;
}

interface Entry {
  readonly textRun: TextRun;
  readonly onStart: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** An entry in the batch. */
interface Active extends Entry {
  /** Chosen, not yet computed on. */
  nextId: number;
}

/** Texts of about one length: the i-th is row i of the keys and values. */
interface Lane {
  readonly cache: KvLane;
  readonly active: Active[];
}

export class BatchLoop {
  readonly slots: number;
  readonly #minRows: number;
  readonly #session: Gpt2Session;
  readonly #shape: Gpt2Shape;
  readonly #lanes: readonly Lane[];
  readonly #waiting: Entry[] = [];
  #isRunning = false;

  constructor({ session, shape, slots, minRows }: BatchLoopOptions) {
    this.slots = slots;
    this.#minRows = minRows;
    this.#session = session;
    this.#shape = shape;
    const { layers, heads, width, positions } = shape;
    const kvShape = { layers, heads, headWidth: width / heads };
    this.#lanes = laneSizes(positions).map((size) => ({ cache: new KvLane(size, kvShape), active: [] }));
  }

  get #activeCount(): number {
    return this.#lanes.reduce((count, { active }) => count + active.length, 0);
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
    while (this.#waiting.length > 0 || this.#activeCount > 0) {
      try {
        this.#dropEnded();
        await this.#prefillWaiting();
        if (this.#activeCount > 0) await this.#decode();
      } catch (error) {
        this.#failAll(error);
      }
    }
    this.#isRunning = false;
  }

  /** Canceled between two steps. */
  #dropEnded(): void {
    for (const lane of this.#lanes) {
      for (let row = lane.active.length - 1; row >= 0; row -= 1) {
        if (lane.active[row]?.textRun.ending !== null) takeOut(lane, row)?.resolve();
      }
    }
    for (let index = this.#waiting.length - 1; index >= 0; index -= 1) {
      if (this.#waiting[index]?.textRun.ending !== null) this.#waiting.splice(index, 1)[0]?.resolve();
    }
  }

  async #prefillWaiting(): Promise<void> {
    const count = admit({
      waiting: this.#waiting.map(({ textRun }) => textRun.promptIds.length),
      freeSlots: this.slots - this.#activeCount,
      running: this.#activeCount,
    });
    const joining = this.#waiting.splice(0, count);
    // Prompts of one padded length share a run.
    const groups = Map.groupBy(joining, ({ textRun }) => paddedLength(textRun.promptIds.length));
    try {
      for (const [length, group] of groups) {
        for (let start = 0; start < group.length; start += prefillRows(length)) {
          await this.#prefill(group.slice(start, start + prefillRows(length)), length);
        }
      }
    } catch (error) {
      for (const { reject } of joining) reject(error);
      throw error;
    }
  }

  /** @param length  S, the prompts' length with padding. */
  async #prefill(group: readonly Entry[], length: number): Promise<void> {
    const rows = group.length;
    const ids = new Int32Array(rows * length);
    const positions = new Int32Array(rows * length);
    const wanted = new Int32Array(rows);
    for (const [row, { textRun, onStart }] of group.entries()) {
      onStart();
      ids.set(textRun.promptIds, row * length);
      for (let step = 0; step < length; step += 1)
        positions[row * length + step] = Math.min(step, this.#shape.positions - 1);
      wanted[row] = row * length + textRun.promptIds.length - 1;
    }
    const output = await this.#session.run({
      ids,
      positions,
      wanted,
      lanes: this.#lanes.map((_, index) => withoutPast(index === 0 ? rows : 0, length)),
      withLogits: group.some(({ textRun }) => textRun.needsAllLogits),
    });
    for (const [row, entry] of group.entries()) {
      const active = { ...entry, nextId: 0 };
      const { length: tokens } = entry.textRun.promptIds;
      const lane = this.#laneFor(tokens);
      lane.cache.addPrefilled(output.newRows, { from: row, stride: length, length: tokens });
      lane.active.push(active);
      this.#choose(active, output, row);
    }
    this.#dropEnded();
  }

  async #decode(): Promise<void> {
    this.#moveOutgrown();
    const count = this.#activeCount;
    const rows = Math.max(count, this.#minRows);
    const ids = new Int32Array(rows);
    const positions = new Int32Array(rows);
    // What fills up is the first lane's, and stands behind its rows.
    const laneRows = this.#lanes.map(({ active }, index) => active.length + (index === 0 ? rows - count : 0));
    const offsets = laneRows.map((_, index) => laneRows.slice(0, index).reduce((sum, size) => sum + size, 0));
    for (const [index, { active, cache }] of this.#lanes.entries()) {
      for (const [row, { nextId }] of active.entries()) {
        ids[(offsets[index] ?? 0) + row] = nextId;
        positions[(offsets[index] ?? 0) + row] = cache.lengths[row] ?? 0;
      }
    }
    const output = await this.#session.run({
      ids,
      positions,
      wanted: Int32Array.from({ length: rows }, (_, row) => row),
      lanes: this.#lanes.map(({ cache }, index) => withPast(cache, laneRows[index] ?? 0)),
      withLogits: this.#lanes.some(({ active }) => active.some(({ textRun }) => textRun.needsAllLogits)),
    });
    for (const [index, { active, cache }] of this.#lanes.entries()) {
      cache.append(output.newRows, offsets[index] ?? 0);
      cache.trim();
      for (const [row, entry] of active.entries()) this.#choose(entry, output, (offsets[index] ?? 0) + row);
    }
    this.#dropEnded();
  }

  /** A text whose lane is full goes on in the next one. */
  #moveOutgrown(): void {
    for (const lane of this.#lanes) {
      for (let row = lane.active.length - 1; row >= 0; row -= 1) {
        const length = lane.cache.lengths[row] ?? 0;
        if (length < lane.cache.size) continue;
        const next = this.#laneFor(length);
        next.cache.addFrom(lane.cache, row);
        const moved = takeOut(lane, row);
        if (moved !== undefined) next.active.push(moved);
      }
    }
  }

  /** The first with room for one more position. */
  #laneFor(length: number): Lane {
    const lane = this.#lanes.find(({ cache }) => length < cache.size);
    if (lane === undefined) throw new RangeError('A text is longer than the model has positions.');
    return lane;
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

  #failAll(error: unknown): void {
    for (const lane of this.#lanes) {
      while (lane.active.length > 0) takeOut(lane, lane.active.length - 1)?.reject(error);
    }
  }
}

/** The last row moves into the place of one that leaves, among the texts as among their keys and values. */
function takeOut({ active, cache }: Lane, row: number): Active | undefined {
  const leaving = active[row];
  const last = active.pop();
  if (last !== undefined && last !== leaving) active[row] = last;
  cache.removeRow(row);
  return leaving;
}

/** A lane of prompts that begin, or of none. */
function withoutPast(rows: number, length: number): LaneInput {
  const none = new Float32Array();
  return { rows, pastLength: 0, mask: causalMask(rows, length), past: () => [none, none] };
}

/** A lane whose rows go on; a lane of none takes no past either. */
function withPast(cache: KvLane, rows: number): LaneInput {
  cache.reserve(rows);
  const pastLength = rows === 0 ? 0 : cache.size;
  return {
    rows,
    pastLength,
    mask: pastMask(rows, cache.lengths, pastLength),
    past: (layer) => cache.view(layer, rows),
  };
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
function pastMask(rows: number, lengths: readonly number[], size: number): Float32Array {
  const mask = new Float32Array(rows * (1 + size));
  for (let row = 0; row < rows; row += 1) {
    const from = row * (1 + size) + 1;
    mask.fill(Number.NEGATIVE_INFINITY, from + (lengths[row] ?? 0), from + size);
  }
  return mask;
}
