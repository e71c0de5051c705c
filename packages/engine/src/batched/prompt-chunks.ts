/** Cuts a prompt into chunks, one per step, by its length only, so that its text is the same in any batch. */

/** The most positions of a prompt in one step: more would delay the running texts by more than about two steps. */
export const chunkTokens = 128;

export interface Chunk {
  /** The number of prompt tokens in earlier chunks. */
  readonly done: number;
  readonly tokens: number;
  /** S: the tokens and the padding. */
  readonly length: number;
  readonly isLast: boolean;
}

/** @param unit  S is a multiple of this. */
export function chunkOf(promptTokens: number, done: number, unit: number): Chunk {
  const tokens = Math.min(chunkTokens, promptTokens - done);
  return { done, tokens, length: Math.ceil(tokens / unit) * unit, isLast: done + tokens === promptTokens };
}
