import { expect, it } from 'vitest';
import { askAll } from './ask-all.ts';

it('asks for each text once, as many at a time as may be in flight, and counts all tokens', async () => {
  const asked: string[] = [];
  let open = 0;
  let mostOpen = 0;
  const { tokens } = await askAll(['a', 'b', 'c', 'd', 'e'], 2, async (piece, index) => {
    asked.push(`${piece}${index}`);
    open += 1;
    mostOpen = Math.max(mostOpen, open);
    await Promise.resolve();
    open -= 1;
    return 10;
  });
  expect(asked).toEqual(['a0', 'b1', 'c2', 'd3', 'e4']);
  expect(mostOpen).toBe(2);
  expect(tokens).toBe(50);
});
