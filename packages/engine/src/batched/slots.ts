/** The running texts, each with its keys and values in the lane of its length. */
import type { TextRun } from '../sampling/text-run.ts';
import { type KvShape, KvLane, type RowSlice } from './kv-lane.ts';
import { laneSizes } from './lane-sizes.ts';
import { type KeysValues, type LaneInput, noLane } from './step.ts';

/** A text in the batch loop, from its arrival to its end. */
export interface Entry {
  readonly textRun: TextRun;
  readonly onStart: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  /** The token that was chosen last and goes into the next step. */
  nextId: number;
}

interface Lane {
  readonly cache: KvLane;
  /** The i-th entry is row i of the cache. */
  readonly entries: Entry[];
}

/**
 * A text joins the first lane with room for this many more positions: copying a row to the next lane costs as much as a
 * dozen steps in a lane that is one size too large.
 */
const headroom = 12;
/** If more rows than this leave a lane within `headroom` steps, some move early: one step with all moves is slow. */
const maxMoves = 8;
/** The number of rows that leave a lane early in one step. */
const earlyMoves = 2;

/**
 * All lanes together keep memory for this many positions per slot: allocating is slow, and an engine that grows again
 * after a quiet second would be a fifth slower while it grows. Memory above this is freed; otherwise lanes that all
 * texts have left would hold most of it.
 */
const keptPositions = 512;

export interface Rows {
  /** Shape [R]. */
  readonly ids: Int32Array;
  /** Shape [R]. */
  readonly positions: Int32Array;
  readonly lanes: readonly LaneInput[];
  /** Each text with its index among the R rows. */
  readonly texts: readonly { readonly entry: Entry; readonly row: number }[];
}

export interface SlotsOptions {
  readonly slots: number;
  readonly positions: number;
  readonly shape: KvShape;
  /** The fewest rows of a step that has rows. Padding rows, whose output is not read, make up the number. */
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

  add(entry: Entry, from: RowSlice): void {
    const { cache, entries } = this.#laneFor(Math.min(from.length + headroom, maxLength(entry)));
    cache.extend(cache.addRow(), from);
    entries.push(entry);
  }

  /** Moves texts that have outgrown their lanes, then returns the rows of the next step. */
  next(): Rows {
    this.#moveOutgrown();
    const { count } = this;
    const paddingRows = count === 0 ? 0 : Math.max(0, this.#minRows - count);
    const ids = new Int32Array(count + paddingRows);
    const positions = new Int32Array(count + paddingRows);
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
      // Padding rows cost the least in the shortest lane.
      if (lane === 0) row += paddingRows;
      return row === first ? noLane : cache.input(row - first);
    });
    return { ids, positions, lanes, texts };
  }

  /** Appends the keys and values of a step; must come before a text is added or removed. */
  append(newRows: readonly KeysValues[], { lanes }: Rows): void {
    let offset = 0;
    for (const [index, { cache }] of this.#lanes.entries()) {
      cache.append(newRows, offset);
      offset += lanes[index]?.rows ?? 0;
    }
    const reserved = this.#lanes.reduce((sum, { cache }) => sum + cache.reserved, 0);
    if (reserved > this.#keptPositions) for (const { cache } of this.#lanes) cache.shrink();
  }

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
        if (predicate(lane, row)) removed.push(...removeAt(lane, row));
      }
    }
    return removed;
  }

  #moveOutgrown(): void {
    for (const lane of this.#lanes.slice(0, -1)) {
      const { size, lengths } = lane.cache;
      const outgrowsWithin = (steps: number, row: number): boolean =>
        (lengths[row] ?? 0) + steps >= size && maxLength(lane.entries[row]) > size;
      const soon = lengths.filter((_, row) => outgrowsWithin(headroom, row)).length;
      let early = soon > maxMoves ? earlyMoves : 0;
      for (let row = lane.entries.length - 1; row >= 0; row -= 1) {
        const isDue = outgrowsWithin(0, row);
        if (!isDue && (early === 0 || !outgrowsWithin(headroom, row))) continue;
        if (!isDue) early -= 1;
        const next = this.#laneFor(size + 1);
        next.cache.extend(next.cache.addRow(), lane.cache.sliceOf(row));
        next.entries.push(...removeAt(lane, row));
      }
    }
  }

  #laneFor(positions: number): Lane {
    const lane = this.#lanes.find(({ cache }) => positions <= cache.size);
    if (lane === undefined) throw new RangeError('A text is longer than the model has positions.');
    return lane;
  }
}

/** Removes an entry. Like in the cache, the last entry moves into its place. */
function removeAt({ entries, cache }: Lane, row: number): readonly Entry[] {
  cache.removeRow(row);
  const leaving = entries.splice(row, 1);
  const last = entries.pop();
  if (last !== undefined) entries.splice(row, 0, last);
  return leaving;
}

/** The most positions that a text needs. Its last token needs none, because it is not fed back. */
const maxLength = (entry: Entry | undefined): number =>
  entry === undefined ? 0 : entry.textRun.promptIds.length + entry.textRun.maxNewTokens - 1;
