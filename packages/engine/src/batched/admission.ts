/** Which waiting texts join the batch at this step. Pure. */

export interface AdmissionState {
  /** Prompt tokens of the waiting texts, first come first. */
  readonly waiting: readonly number[];
  readonly freeSlots: number;
  /** Texts that would stand still meanwhile. */
  readonly running: number;
}

/** Positions that one step may prefill while others decode: about as long as a few decode steps. */
export const prefillBudget = 256;
/** Prompts are padded to a multiple of this, so that how a prompt is computed depends on its own length alone. */
export const prefillUnit = 16;

export const paddedLength = (tokens: number): number => Math.ceil(tokens / prefillUnit) * prefillUnit;

/**
 * First come, first served: as many from the front as there are slots and as fit the budget, at least one if there is a slot. With
 * nothing running nobody stands still, and only the slots count.
 * @returns how many of `waiting` to take
 * @see text-generation-inference's router, whose token budget this follows
 */
export function admit({ waiting, freeSlots, running }: AdmissionState): number {
  let count = 0;
  let positions = 0;
  for (const tokens of waiting) {
    positions += paddedLength(tokens);
    if (count >= freeSlots || (count > 0 && running > 0 && positions > prefillBudget)) break;
    count += 1;
  }
  return count;
}
