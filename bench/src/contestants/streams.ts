/** Runs many texts at a time. */
import type { WorkResult } from '../work.ts';

export interface Place {
  /** The index of the piece. */
  readonly index: number;
  /** The number of the stream, which does one piece at a time. */
  readonly stream: number;
  /** Counts one more new token. */
  readonly onToken: () => void;
  /** Aborted when the measurement is over and the rest may be dropped. */
  readonly signal: AbortSignal;
}

/**
 * Runs `streams` streams, each of which takes the next piece when its last one is done. With more pieces than streams
 * this measures a full queue: the time ends when the last piece is taken, and the rest is dropped. Otherwise the time
 * ends when all pieces are done.
 */
export async function runStreams<Piece>(
  pieces: readonly Piece[],
  streams: number,
  perform: (piece: Piece, place: Place) => Promise<void>,
): Promise<WorkResult> {
  const over = new AbortController();
  const queue = pieces.entries();
  const begin = performance.now();
  let tokens = 0;
  const onToken = (): void => {
    tokens += 1;
  };
  let result: WorkResult | null = null;
  const finish = (): WorkResult => (result ??= { tokens, ms: performance.now() - begin });

  async function work(stream: number): Promise<void> {
    for (const [index, piece] of queue) {
      if (pieces.length > streams && index === pieces.length - 1) {
        finish();
        over.abort();
      }
      if (over.signal.aborted) return;
      await perform(piece, { index, stream, onToken, signal: over.signal });
    }
  }

  await Promise.all(Array.from({ length: streams }, async (_, stream) => await work(stream)));
  return finish();
}
