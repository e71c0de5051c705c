/** The span of time that all charts of a view show, and the moment that their legends tell. */
import { signal } from '@preact/signals';
import { keptSeconds } from './machine-series.ts';

export class ChartWindow {
  /** The moment that the reader points at, in seconds since 1970; null: the newest. */
  readonly moment = signal<number | null>(null);
  #newest = 0;
  /** The end of the span while the reader points at a moment: the lines stay under the pointer. */
  #heldEnd: number | null = null;

  advance(at: number): void {
    this.#newest = at;
  }

  point(moment: number | null): void {
    if (moment === null) this.#heldEnd = null;
    else this.#heldEnd ??= this.#newest;
    this.moment.value = moment;
  }

  get newest(): number {
    return this.#newest;
  }

  /** For the scale of the x axis. */
  span(): [from: number, to: number] {
    const end = this.#heldEnd ?? this.#newest;
    return [end - keptSeconds, end];
  }
}
