/** Chooses the waiting texts that join, and the prompt positions of a step. Pure. */

export interface AdmissionState {
  /** The pages of keys and values that each waiting text may need, oldest first. */
  readonly waiting: readonly number[];
  /** The number of texts that may join. */
  readonly freeTexts: number;
  readonly freePages: number;
}

/** The most prompt positions in one step: about as much work as two steps of the running texts. */
export const promptBudget = 256;
/** The most positions of one prompt in a step. */
export const maxChunk = 128;

/**
 * Admits waiting texts in their order. A text reserves the pages of its full length, so a running text never waits for
 * memory. The first that does not fit waits for room, and so do those behind it.
 * @returns the number of texts that join
 * @see the token budget of text-generation-inference's router, which this follows
 */
export function admit({ waiting, freeTexts, freePages }: AdmissionState): number {
  let pages = freePages;
  let count = 0;
  for (const needed of waiting.slice(0, freeTexts)) {
    if (needed > pages) break;
    pages -= needed;
    count += 1;
  }
  return count;
}

/**
 * Divides a step's prompt positions. The oldest prompt comes first, so that none waits for ever; then the shortest
 * rest, so that short prompts do not wait for long ones.
 * @param rests  The number of positions that each prompt still needs, oldest first.
 * @returns the number of positions that each prompt gets now
 */
export function divideBudget(rests: readonly number[]): readonly number[] {
  const shares = rests.map(() => 0);
  const turnOf = (index: number): number => (index === 0 ? 0 : (rests[index] ?? 0));
  let left = promptBudget;
  for (const index of [...rests.keys()].toSorted((a, b) => turnOf(a) - turnOf(b))) {
    const share = Math.min(rests[index] ?? 0, maxChunk, left);
    shares[index] = share;
    left -= share;
  }
  return shares;
}
