/** Finds stop strings in text that arrives in pieces, and holds back text that may become one. */

export interface StopMatch {
  /** Text that is final. */
  readonly text: string;
  /** Whether a stop string is complete, so that the text ends here. */
  readonly isStopped: boolean;
}

/**
 * Ends the text before the stop string that is completed first; if one character completes two of them, before the
 * longer one. So the result does not depend on the cuts between the pieces.
 */
export class StopMatcher {
  readonly #stops: readonly string[];
  #held = '';

  /** @param stops  Non-empty strings. Without any, all text passes at once. */
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

  /** Returns the text that was held back. Call it when no text follows. */
  flush(): string {
    const held = this.#held;
    this.#held = '';
    return held;
  }

  /** The start of the stop string that is completed first; null if there is none. */
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

  /** The length of the text's longest suffix that is a prefix of a stop string. */
  #lengthToHold(text: string): number {
    const longest = Math.max(0, ...this.#stops.map((stop) => stop.length - 1));
    for (let length = Math.min(longest, text.length); length > 0; length -= 1) {
      const suffix = text.slice(text.length - length);
      if (this.#stops.some((stop) => stop.startsWith(suffix))) return length;
    }
    return 0;
  }
}
