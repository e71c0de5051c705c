/**
 * Continuous batching on llama.cpp, step by step: every sequence asks for its next token at the same time, in the order
 * of the sequences. llama.cpp computes consecutive sequences of a batch together, and the rest after them. If each text
 * had a loop of its own, their order would become random, and a batch would be computed in many small parts, at a third
 * of the speed.
 */
import type { Work, WorkResult } from '../work.ts';

/** The used part of a sequence of node-llama-cpp 3.22, which is not a dependency of this package. */
export interface Sequence {
  evaluate(tokens: readonly number[], options: Readonly<Record<string, unknown>>): AsyncGenerator<number>;
  clearHistory(): Promise<void>;
}

interface Active {
  readonly tokens: AsyncGenerator<number>;
  left: number;
}

const sampling = { temperature: 1, topK: 50, topP: 1, minP: 0, yieldEogToken: true };

/** Measures like `runStreams`: a full queue until its last piece is taken, else until all pieces are done. */
export async function runSteps(sequences: readonly Sequence[], work: readonly Work[]): Promise<WorkResult> {
  const isFullQueue = work.length > sequences.length;
  const active = new Map<Sequence, Active>();
  const begin = performance.now();
  let tokens = 0;
  let taken = 0;
  let isOver = false;
  while (!isOver) {
    for (const sequence of sequences) {
      const piece = work[taken];
      if (active.has(sequence) || piece === undefined) continue;
      taken += 1;
      await sequence.clearHistory();
      const options = { ...sampling, seed: taken };
      active.set(sequence, { tokens: sequence.evaluate([...piece.promptIds], options), left: piece.newTokens });
    }
    isOver = active.size === 0 || (isFullQueue && taken === work.length);
    if (!isOver) tokens += await step(sequences, active);
  }
  const ms = performance.now() - begin;
  await Promise.all([...active.values()].map(async (text) => await text.tokens.return(0)));
  return { tokens, ms };
}

/** Generates one token of each text. @returns the number of tokens */
async function step(sequences: readonly Sequence[], active: Map<Sequence, Active>): Promise<number> {
  const texts = sequences.flatMap((sequence) => {
    const text = active.get(sequence);
    return text === undefined ? [] : [{ sequence, text }];
  });
  const results = await Promise.all(texts.map(async ({ text }) => await text.tokens.next()));
  for (const [index, { sequence, text }] of texts.entries()) {
    if (results[index]?.done === true) throw new Error(`a text ended ${text.left} tokens too early`);
    text.left -= 1;
    if (text.left > 0) continue;
    active.delete(sequence);
    await text.tokens.return(0);
  }
  return texts.length;
}
