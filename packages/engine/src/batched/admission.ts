/** Chooses the waiting texts that join the batch at this step. Pure. */
import { type Chunk, chunkOf } from './prompt-chunks.ts';

export interface AdmissionState {
  /** The number of prompt tokens of each waiting text, oldest first. */
  readonly waiting: readonly number[];
  readonly freeSlots: number;
  /** The unit of {@link chunkOf}. */
  readonly unit: number;
}

/** The most prompt positions in one step: about as much work as two steps of the running texts. */
export const promptBudget = 256;

/**
 * Admits the first waiting text if a slot is free. Later texts join it, up to the budget, if their prompts have the
 * same padded length, because these prompts can share one attention. A prompt of several chunks joins alone.
 * @returns indices in `waiting`, ascending
 * @see the token budget of text-generation-inference's router, which this follows
 */
export function admit({ waiting, freeSlots, unit }: AdmissionState): readonly number[] {
  const [first] = waiting;
  if (first === undefined || freeSlots === 0) return [];
  const chunk = chunkOf(first, 0, unit);
  if (!chunk.isLast) return [0];
  const limit = Math.min(freeSlots, Math.max(1, Math.floor(promptBudget / chunk.length)));
  const isAlike = (other: Chunk): boolean => other.isLast && other.length === chunk.length;
  return waiting.flatMap((tokens, index) => (isAlike(chunkOf(tokens, 0, unit)) ? [index] : [])).slice(0, limit);
}
