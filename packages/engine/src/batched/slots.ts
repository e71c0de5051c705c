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
/** At a step out of each lane. */
const maxEarlyMoves = 2;

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

export class Slots {
  readonly #minRows: number;
  readonly #lanes: readonly Lane[];

  /** @param of  `minRows`: of a step that has any; what is missing is filled up with rows that nobody reads. */
  constructor(of: { readonly positions: number; readonly shape: KvShape; readonly minRows: number }) {
    this.#minRows = of.minRows;
    this.#lanes = laneSizes(of.positions).map((size) => ({ cache: new KvLane(size, of.shape), entries: [] }));
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

  /** Some a little before they have to, so that texts of one length do not all move at one step. */
  #moveOutgrown(): void {
    for (const lane of this.#lanes.slice(0, -1)) {
      let earlyMoves = maxEarlyMoves;
      for (let row = lane.entries.length - 1; row >= 0; row -= 1) {
        const length = lane.cache.lengths[row] ?? 0;
        const { size } = lane.cache;
        const isEarly = length < size;
        if (isEarly && (length < size - headroom || earlyMoves === 0 || lastLength(lane.entries[row]) <= size))
          continue;
        if (isEarly) earlyMoves -= 1;
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
