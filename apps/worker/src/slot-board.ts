/** The slots of a worker, as people see them while they look at it. */
import type { Job, SlotState, WorkerActivity } from '@prosemill/core';
import type { AttemptText } from './attempt-text.ts';

interface Occupant {
  readonly ownerId: string;
  readonly text: AttemptText;
}

/** A rate over less time is chance, and one over more time says little about now. */
const minRateMs = 250;
const maxRateMs = 2_500;

/** Each attempt has the first free slot, and keeps it to its end. Nothing is done for a token. */
export class SlotBoard {
  readonly #slots: (Occupant | null)[] = [];
  #tokensOfEnded = 0;
  #last = { tokens: 0, at: Number.NEGATIVE_INFINITY };
  #tokensPerSecond: number | null = null;

  /** @returns a function that frees the slot; further calls do nothing */
  take({ ownerId }: Pick<Job, 'ownerId'>, text: AttemptText): () => void {
    const occupant = { ownerId, text };
    const free = this.#slots.indexOf(null);
    const slot = free === -1 ? this.#slots.length : free;
    this.#slots[slot] = occupant;
    return () => {
      if (this.#slots[slot] !== occupant) return;
      this.#slots[slot] = null;
      this.#tokensOfEnded += text.completionTokens;
    };
  }

  /**
   * @param slots  Their number. Attempts whose outcome is being written may be more for a moment.
   * @param now  Milliseconds of a monotonic clock.
   */
  report(slots: number, now = performance.now()): WorkerActivity {
    const states = this.#slots.map((occupant) => (occupant === null ? null : stateOf(occupant)));
    const tokens = states.reduce((sum, state) => sum + (state?.tokens ?? 0), this.#tokensOfEnded);
    const passedMs = now - this.#last.at;
    if (passedMs >= minRateMs) {
      this.#tokensPerSecond = passedMs > maxRateMs ? null : ((tokens - this.#last.tokens) / passedMs) * 1_000;
      this.#last = { tokens, at: now };
    }
    const free = Array.from<null>({ length: Math.max(0, slots - states.length) }).fill(null);
    return { slots: [...states, ...free], tokensPerSecond: this.#tokensPerSecond };
  }
}

const stateOf = ({ ownerId, text: { id, completionTokens, limit } }: Occupant): SlotState => ({
  jobId: id,
  ownerId,
  tokens: completionTokens,
  limit,
});
