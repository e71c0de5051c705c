/** The current row of a list, and its selected rows. The list is one stop of the Tab key: that of the current row. */
import { type ReadonlySignal, signal } from '@preact/signals';

export class RowCursor {
  readonly #current = signal<string | null>(null);
  readonly current: ReadonlySignal<string | null> = this.#current;
  readonly #selected = signal<ReadonlySet<string>>(new Set());
  readonly selected: ReadonlySignal<ReadonlySet<string>> = this.#selected;

  moveTo(id: string | null): void {
    this.#current.value = id;
  }

  /** @returns the row that many places further; at the ends the last one. Null: there are no rows. */
  step(ids: readonly string[], places: number): string | null {
    const index = this.#current.value === null ? -1 : ids.indexOf(this.#current.value);
    const next = index === -1 ? 0 : Math.min(ids.length - 1, Math.max(0, index + places));
    this.#current.value = ids[next] ?? null;
    return this.#current.value;
  }

  toggle(id: string): void {
    const rest = new Set(this.#selected.value);
    if (!rest.delete(id)) rest.add(id);
    this.#selected.value = rest;
  }

  clear(): void {
    this.#selected.value = new Set();
  }

  /** Forgets rows that are no longer in the list. The current row is always one of them, so that Tab finds it. */
  keep(ids: readonly string[]): void {
    const kept = new Set(ids);
    const selected = [...this.#selected.peek()].filter((id) => kept.has(id));
    if (selected.length !== this.#selected.peek().size) this.#selected.value = new Set(selected);
    const current = this.#current.peek();
    if (current === null || !kept.has(current)) this.#current.value = ids[0] ?? null;
  }
}
