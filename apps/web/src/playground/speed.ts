/** The speed of a text while it is written: the tokens of the last two seconds. */

interface Moment {
  readonly ms: number;
  readonly tokens: number;
}

const windowMs = 2_000;
/** Less time says nothing. */
const leastMs = 200;

export class Speedometer {
  #moments: Moment[] = [];

  /** @returns tokens a second; null: not known yet */
  note(tokens: number, ms: number): number | null {
    if (tokens < (this.#moments.at(-1)?.tokens ?? 0)) this.#moments = [];
    this.#moments.push({ ms, tokens });
    // The last moment before the window is its beginning.
    while ((this.#moments[1]?.ms ?? Infinity) <= ms - windowMs) this.#moments.shift();
    const [first] = this.#moments;
    if (first === undefined || ms - first.ms < leastMs) return null;
    return ((tokens - first.tokens) / (ms - first.ms)) * 1_000;
  }
}
