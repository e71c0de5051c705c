/** The texts that run and their keys and values: each in the lane of its length. */
import type { TextRun } from '../sampling/text-run.ts';
import { type Content, type KvShape, KvLane } from './kv-lane.ts';
import { laneSizes } from './lane-sizes.ts';
import { type KeysValues, type LaneInput, noLane } from './step.ts';

/** A text from its arrival to its end. */
export interface Entry {
  readonly textRun: TextRun;
  /** Called when it joins the batch. */
  readonly onStart: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  /** Chosen, not yet computed on. */
  nextId: number;
}

interface Lane {
  readonly cache: KvLane;
  /** The i-th is row i of the cache. */
  readonly entries: Entry[];
}

/**
 * A text joins the lane in which it has room for so many positions more: to copy a row to the next lane costs as much as a dozen steps in a lane that is a
 * size too large.
 */
const headroom = 12;
/** When more than so many of a lane will move within `headroom` steps, some move early: to copy all at one step would take longer than several steps. */
const maxMoves = 8;
/** At a step out of each lane. */
const earlyMoves = 2;

/**
 * All lanes together keep memory for so many positions of each slot, for texts to come: new memory is slow, and an engine that grows again after a quiet
 * second would be a fifth slower meanwhile. What is more goes back: when all texts have moved on to a longer lane, what they left behind would be most of it.
 */
const keptPositions = 512;

/** The rows of a step that go on. */
export interface Rows {
  /** Shape [R]. */
  readonly ids: Int32Array;
  /** Shape [R]. */
  readonly positions: Int32Array;
  readonly lanes: readonly LaneInput[];
  /** The texts, each with its row of the R. */
  readonly texts: readonly { readonly entry: Entry; readonly row: number }[];
}

export interface SlotsOptions {
  /** Texts at once. */
  readonly slots: number;
  readonly positions: number;
  readonly shape: KvShape;
  /** Of a step that has any; what is missing is filled up with rows that nobody reads. */
  readonly minRows: number;
}

export class Slots {
  readonly #minRows: number;
  readonly #keptPositions: number;
  readonly #lanes: readonly Lane[];

  constructor({ slots, positions, shape, minRows }: SlotsOptions) {
    this.#minRows = minRows;
    this.#keptPositions = slots * Math.min(keptPositions, positions);
    this.#lanes = laneSizes(positions).map((size) => ({ cache: new KvLane(size, shape), entries: [] }));
  }

  get count(): number {
    return this.#lanes.reduce((count, { entries }) => count + entries.length, 0);
  }

  add(entry: Entry, from: Content): void {
    const { cache, entries } = this.#laneFor(Math.min(from.length + headroom, lastLength(entry)));
    cache.extend(cache.addRow(), from);
    entries.push(entry);
  }

  /** The next step of all texts; those that have outgrown their lanes move first. */
  next(): Rows {
    this.#moveOutgrown();
    const { count } = this;
    const extraRows = count === 0 ? 0 : Math.max(0, this.#minRows - count);
    const ids = new Int32Array(count + extraRows);
    const positions = new Int32Array(count + extraRows);
    const texts: { entry: Entry; row: number }[] = [];
    let row = 0;
    const lanes = this.#lanes.map(({ cache, entries }, lane) => {
      const first = row;
      for (const [index, entry] of entries.entries()) {
        ids[row] = entry.nextId;
        positions[row] = cache.lengths[index] ?? 0;
        texts.push({ entry, row });
        row += 1;
      }
      // The shortest lane costs the least.
      if (lane === 0) row += extraRows;
      return row === first ? noLane : cache.input(row - first);
    });
    return { ids, positions, lanes, texts };
  }

  /** What the step has computed, before any text is added or taken out. */
  append(newRows: readonly KeysValues[], { lanes }: Rows): void {
    let offset = 0;
    for (const [index, { cache }] of this.#lanes.entries()) {
      cache.append(newRows, offset);
      offset += lanes[index]?.rows ?? 0;
    }
    const reserved = this.#lanes.reduce((sum, { cache }) => sum + cache.reserved, 0);
    if (reserved > this.#keptPositions) for (const { cache } of this.#lanes) cache.giveBack();
  }

  /** Takes out what has ended. */
  removeEnded(): readonly Entry[] {
    return this.#removeWhere(({ entries }, row) => entries[row]?.textRun.ending !== null);
  }

  removeAll(): readonly Entry[] {
    return this.#removeWhere(() => true);
  }

  #removeWhere(predicate: (lane: Lane, row: number) => boolean): readonly Entry[] {
    const removed: Entry[] = [];
    for (const lane of this.#lanes) {
      for (let row = lane.entries.length - 1; row >= 0; row -= 1) {
        if (predicate(lane, row)) removed.push(...takeOut(lane, row));
      }
    }
    return removed;
  }

  #moveOutgrown(): void {
    for (const lane of this.#lanes.slice(0, -1)) {
      const { size, lengths } = lane.cache;
      const outgrowsWithin = (steps: number, row: number): boolean =>
        (lengths[row] ?? 0) + steps >= size && lastLength(lane.entries[row]) > size;
      const soon = lengths.filter((_, row) => outgrowsWithin(headroom, row)).length;
      let early = soon > maxMoves ? earlyMoves : 0;
      for (let row = lane.entries.length - 1; row >= 0; row -= 1) {
        const isDue = outgrowsWithin(0, row);
        if (!isDue && (early === 0 || !outgrowsWithin(headroom, row))) continue;
        if (!isDue) early -= 1;
        const next = this.#laneFor(size + 1);
        next.cache.extend(next.cache.addRow(), lane.cache.content(row));
        next.entries.push(...takeOut(lane, row));
      }
    }
  }

  #laneFor(positions: number): Lane {
    const lane = this.#lanes.find(({ cache }) => positions <= cache.size);
    if (lane === undefined) throw new RangeError('A text is longer than the model has positions.');
    return lane;
  }
}

/** The last row moves into the place of one that leaves, among the texts as among their keys and values. */
function takeOut({ entries, cache }: Lane, row: number): readonly Entry[] {
  cache.removeRow(row);
  const leaving = entries.splice(row, 1);
  const last = entries.pop();
  if (last !== undefined) entries.splice(row, 0, last);
  return leaving;
}

/** Positions that a text has at the most: nothing follows its last token. */
const lastLength = (entry: Entry | undefined): number =>
  entry === undefined ? 0 : entry.textRun.promptIds.length + entry.textRun.maxNewTokens - 1;
