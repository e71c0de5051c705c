/** The keys and values of all texts, in pages of 64 positions. A text takes pages as it grows. */
import { pagePositions } from '@prosemill/kernel';
import { type MemoryPlan, pagesOf } from './memory-plan.ts';

/** A text that has keys and values. */
export interface CachedText {
  /** Its row of the page tables. */
  readonly row: number;
  /** The number of positions that have keys and values. */
  length: number;
  /** The most pages that it may take. */
  readonly reserved: number;
  readonly pages: number[];
}

export class KeyValuePages {
  readonly #plan: MemoryPlan;
  readonly #layers: number;
  readonly #tables: Uint32Array;
  readonly #pagesPerText: number;
  readonly #freeRows: number[];
  /** The page that was used last is taken first: so the memory in use is no larger than the texts' largest sum. */
  readonly #freePages: number[];
  #unreserved: number;

  constructor(memory: WebAssembly.Memory, plan: MemoryPlan, of: { layers: number; positions: number; texts: number }) {
    this.#plan = plan;
    this.#layers = of.layers;
    this.#pagesPerText = pagesOf(of.positions);
    this.#tables = new Uint32Array(memory.buffer, plan.tables, of.texts * of.layers * this.#pagesPerText);
    this.#freeRows = Array.from({ length: of.texts }, (_, index) => of.texts - 1 - index);
    this.#freePages = Array.from({ length: plan.pageCount }, (_, index) => plan.pageCount - 1 - index);
    this.#unreserved = plan.pageCount;
  }

  get freeTexts(): number {
    return this.#freeRows.length;
  }

  /** The number of pages that no text has reserved. */
  get freePages(): number {
    return this.#unreserved;
  }

  /**
   * Reserves room for a text of up to so many positions.
   * @throws {RangeError} when there is no room: look at `freeTexts` and `freePages` first
   */
  add(positions: number): CachedText {
    const reserved = pagesOf(positions);
    const row = this.#freeRows.at(-1);
    if (row === undefined || reserved > this.#unreserved) throw new RangeError('There is no room for the text.');
    this.#freeRows.pop();
    this.#unreserved -= reserved;
    return { row, length: 0, reserved, pages: [] };
  }

  remove({ row, reserved, pages }: CachedText): void {
    this.#freePages.push(...pages.toReversed());
    this.#freeRows.push(row);
    this.#unreserved += reserved;
  }

  /** Gives the text the pages for so many more positions, and counts them. */
  extend(text: CachedText, positions: number): void {
    text.length += positions;
    while (text.pages.length * pagePositions < text.length) this.#takePage(text);
  }

  #takePage({ row, pages, reserved }: CachedText): void {
    const page = pages.length < reserved ? this.#freePages.pop() : undefined;
    if (page === undefined) throw new RangeError('The text is longer than was reserved for it.');
    const { pages: start, pageBytes } = this.#plan;
    for (let layer = 0; layer < this.#layers; layer += 1) {
      this.#tables[(row * this.#layers + layer) * this.#pagesPerText + pages.length] =
        start + page * pageBytes + layer * (pageBytes / this.#layers);
    }
    pages.push(page);
  }
}
