/** Finds stop strings in text that arrives in pieces, and holds back what may become one. */

export interface StopMatch {
  /** Text that is final. */
  readonly text: string;
  /** A stop string was completed: the text ends here. */
  readonly isStopped: boolean;
}

/**
 * The text ends before the stop string that is completed first; of two that are completed by the same character, before the longer one. So
 * the result does not depend on how the text is cut into pieces.
 */
export class StopMatcher {
  readonly #stops: readonly string[];
  #held = '';

  /** @param stops  Non-empty strings; none: every text passes at once */
  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  push(text: string): StopMatch {
    const all = this.#held + text;
    const start = this.#firstMatch(all);
    if (start !== null) {
      this.#held = '';
      return { text: all.slice(0, start), isStopped: true };
    }
    const length = this.#lengthToHold(all);
    this.#held = all.slice(all.length - length);
    return { text: all.slice(0, all.length - length), isStopped: false };
  }

  /** What was held back, when no text follows. */
  flush(): string {
    const held = this.#held;
    this.#held = '';
    return held;
  }

  /** Where the first completed stop string begins. */
  #firstMatch(text: string): number | null {
    let first: { start: number; end: number } | null = null;
    for (const stop of this.#stops) {
      const start = text.indexOf(stop);
      if (start === -1) continue;
      const end = start + stop.length;
      if (first === null || end < first.end || (end === first.end && start < first.start)) first = { start, end };
    }
    return first === null ? null : first.start;
  }

  /** The longest end of the text that is the beginning of a stop string. */
  #lengthToHold(text: string): number {
    const longest = Math.max(0, ...this.#stops.map((stop) => stop.length - 1));
    for (let length = Math.min(longest, text.length); length > 0; length -= 1) {
      const end = text.slice(text.length - length);
      if (this.#stops.some((stop) => stop.startsWith(end))) return length;
    }
    return 0;
  }
}
