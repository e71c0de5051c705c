import { describe, expect, it } from 'vitest';
import { type Chunk, chunkOf, chunkTokens } from './prompt-chunks.ts';

function allChunks(promptTokens: number, unit: number): Chunk[] {
  const chunks: Chunk[] = [];
  for (let done = 0; done < promptTokens; done += chunks.at(-1)?.tokens ?? 0)
    chunks.push(chunkOf(promptTokens, done, unit));
  return chunks;
}

describe('the chunks of a prompt', () => {
  it('are a single one for a short prompt, padded to a multiple of the unit', () => {
    expect(allChunks(17, 16)).toEqual([{ done: 0, tokens: 17, length: 32, isLast: true }]);
    expect(allChunks(17, 4)).toEqual([{ done: 0, tokens: 17, length: 20, isLast: true }]);
  });

  it('are full except the last, and cover the prompt', () => {
    expect(allChunks(2 * chunkTokens, 16).map(({ tokens, isLast }) => [tokens, isLast])).toEqual([
      [chunkTokens, false],
      [chunkTokens, true],
    ]);
    for (const tokens of [1, 127, 128, 129, 300, 511]) {
      const chunks = allChunks(tokens, 16);
      expect(chunks.reduce((sum, chunk) => sum + chunk.tokens, 0)).toBe(tokens);
      expect(chunks.filter(({ isLast }) => isLast)).toEqual([chunks.at(-1)]);
    }
  });
});
