/** Which waiting texts join the batch at this step. Pure. */
import { type Chunk, chunkOf } from './prompt-chunks.ts';

export interface AdmissionState {
  /** Prompt tokens of the waiting texts, first come first. */
  readonly waiting: readonly number[];
  readonly freeSlots: number;
  /** As {@link chunkOf} takes it. */
  readonly unit: number;
}

/** Positions of prompts in one step: about as much work as two steps of the texts that go on. */
export const promptBudget = 256;

/**
 * The first that waits always joins if there is a slot; with it those behind it whose prompts have the same length with padding, because they share its
 * attention, as many as fit the budget. A prompt of several chunks joins alone.
 * @returns indices in `waiting`, rising
 * @see text-generation-inference's router, whose token budget this follows
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
