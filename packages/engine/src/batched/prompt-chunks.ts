/** How a prompt is computed: which positions of it share a step. A function of its length alone, so that its text is the same in any batch. */

/** Positions of a prompt that one step computes at most: longer, and the texts that go on would stand still for more than about two steps. */
export const chunkTokens = 128;

export interface Chunk {
  /** Tokens of the prompt that are done before. */
  readonly done: number;
  /** Tokens that this chunk does. */
  readonly tokens: number;
  /** S: the tokens and what pads them. */
  readonly length: number;
  readonly isLast: boolean;
}

/** @param unit  S is a multiple of this. */
export function chunkOf(promptTokens: number, done: number, unit: number): Chunk {
  const tokens = Math.min(chunkTokens, promptTokens - done);
  return { done, tokens, length: Math.ceil(tokens / unit) * unit, isLast: done + tokens === promptTokens };
}
