/** Many texts at a time. */
import type { WorkResult } from '../work.ts';

export interface Place {
  /** Of the piece. */
  readonly index: number;
  /** Of the stream that does it: no two at a time have the same. */
  readonly stream: number;
  /** One more new token. */
  readonly onToken: () => void;
  /** Aborted when the measurement is over and the rest may be dropped. */
  readonly signal: AbortSignal;
}

/**
 * So many streams, each of which takes the next piece when it is done with its last. With more pieces than streams what counts is a full queue: it is measured
 * until the last piece is taken, and the rest is dropped. Else until all are done.
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
