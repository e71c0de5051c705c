import { expect, it, onTestFinished, vi } from 'vitest';
import { splitLines } from './split-lines.ts';

async function* inParts(...parts: readonly string[]): AsyncGenerator<string, void> {
  yield* parts;
}

it.each([
  [['a\nb\r\n\nc'], ['a', 'b', '', 'c']],
  [
    ['a', 'b\r', '\n', '\nc', '', 'd\n'],
    ['ab', '', 'cd'],
  ],
  [['a\u2028b\n'], ['a\u2028b']],
  [[''], []],
])('yields the lines of %j', async (parts, lines) => {
  expect(await Array.fromAsync(splitLines(inParts(...parts)))).toEqual(lines);
});

it('searches each part once, however long its line is', async () => {
  const split = vi.spyOn(String.prototype, 'split');
  onTestFinished(() => split.mockRestore());
  const parts = Array.from({ length: 100 }, () => 'aaaaaaaaaa');
  expect(await Array.fromAsync(splitLines(inParts(...parts)))).toEqual(['a'.repeat(1_000)]);
  const searched = split.mock.contexts.map(String).filter((text) => /^a+$/.test(text));
  expect(searched.join('')).toHaveLength(1_000);
});

it('stops reading in a line that is too long', async () => {
  let read = 0;
  async function* manyParts(): AsyncGenerator<string, void> {
    yield 'short\n';
    for (; read < 20; read += 1) yield 'a'.repeat(10);
  }
  const lines = splitLines(manyParts(), 100);
  expect(await lines.next()).toMatchObject({ value: 'short' });
  await expect(lines.next()).rejects.toThrow(RangeError);
  expect(read).toBe(10);
});
