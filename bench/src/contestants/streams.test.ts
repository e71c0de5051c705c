import { describe, expect, it } from 'vitest';
import { runStreams } from './streams.ts';

describe('streams', () => {
  it('do each piece once, with at most as many at a time as there are streams', async () => {
    const done: number[] = [];
    let atOnce = 0;
    let most = 0;
    const result = await runStreams([5, 6, 7], 3, async (piece, { onToken }) => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      await Promise.resolve();
      onToken();
      done.push(piece);
      atOnce -= 1;
    });
    expect(done).toEqual([5, 6, 7]);
    expect(most).toBe(3);
    expect(result.tokens).toBe(3);
  });

  it('measure a full queue until the last piece is taken, which is not done', async () => {
    const done: number[] = [];
    const { tokens } = await runStreams([0, 1, 2, 3], 2, async (piece, { onToken, signal }) => {
      await Promise.resolve();
      if (signal.aborted) return;
      onToken();
      done.push(piece);
    });
    expect(done).toEqual([0, 1]);
    expect(tokens).toBe(2);
  });
});
