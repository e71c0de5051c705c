/** The clients of a server. */
import type { WorkResult } from '../work.ts';

/**
 * Asks for all texts, `inFlight` at a time, and measures until the last one has come.
 * @param ask  Waits for one text and returns its number of new tokens.
 */
export async function askAll<Piece>(
  pieces: readonly Piece[],
  inFlight: number,
  ask: (piece: Piece, index: number) => Promise<number>,
): Promise<WorkResult> {
  const queue = pieces.entries();
  let tokens = 0;
  const begin = performance.now();
  const clients = Array.from({ length: inFlight }, async () => {
    for (const [index, piece] of queue) {
      const newTokens = await ask(piece, index);
      tokens += newTokens;
    }
  });
  await Promise.all(clients);
  return { tokens, ms: performance.now() - begin };
}
