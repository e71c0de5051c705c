import { describe, expect, it } from 'vitest';
import { KvLane, laneSizes, type NewRows } from './kv-lane.ts';

const shape = { layers: 2, heads: 3, headWidth: 4 };

/** Numbers that tell where they come from: text, position, layer, part, head, index. */
const numberAt = (text: number, position: number, layer: number, part: number, head: number, index: number): number =>
  text * 1e6 + position * 1e4 + layer * 1e3 + part * 500 + head * 10 + index;

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** What a step over these texts gives, at these positions: shape [B, H, S, D]. */
function newRows(texts: readonly { text: number; first: number }[], steps: number): NewRows {
  const valuesOf = (layer: number, part: number): number[] =>
    texts.flatMap(({ text, first }) =>
      range(shape.heads).flatMap((head) =>
        range(steps).flatMap((step) =>
          range(shape.headWidth).map((index) => numberAt(text, first + step, layer, part, head, index)),
        ),
      ),
    );
  return range(shape.layers).map(
    (layer) => [Float32Array.from(valuesOf(layer, 0)), Float32Array.from(valuesOf(layer, 1))] as const,
  );
}

/** Checks that row i of the lane holds the i-th text at every position. */
function expectTexts(lane: KvLane, texts: readonly number[]): void {
  expect(lane.lengths).toHaveLength(texts.length);
  for (let layer = 0; layer < shape.layers; layer += 1) {
    for (const [part, array] of lane.view(layer, texts.length).entries()) {
      for (const [row, text] of texts.entries()) {
        for (let head = 0; head < shape.heads; head += 1) {
          for (let position = 0; position < (lane.lengths[row] ?? 0); position += 1) {
            const at = ((row * shape.heads + head) * lane.size + position) * shape.headWidth;
            expect(array[at + 1]).toBe(Math.fround(numberAt(text, position, layer, part, head, 1)));
          }
        }
      }
    }
  }
}

describe('keys and values of a lane', () => {
  it('have a size for every length', () => {
    expect(laneSizes(1024)).toEqual([64, 96, 128, 192, 256, 384, 512, 768, 1024]);
    expect(laneSizes(100)).toEqual([64, 96, 100]);
    expect(laneSizes(32)).toEqual([32]);
  });

  it('stay with their text while others join, grow, leave and move', () => {
    const lane = new KvLane(8, shape);
    const next = new KvLane(16, shape);
    const prefilled = newRows(
      [
        { text: 1, first: 0 },
        { text: 2, first: 0 },
        { text: 3, first: 0 },
      ],
      4,
    );
    for (const [row, length] of [2, 4, 3].entries()) lane.addPrefilled(prefilled, { from: row, stride: 4, length });
    expect(lane.lengths).toEqual([2, 4, 3]);
    expectTexts(lane, [1, 2, 3]);

    // A step of four rows: the first belongs to another lane.
    const step = newRows(
      [
        { text: 9, first: 0 },
        { text: 1, first: 2 },
        { text: 2, first: 4 },
        { text: 3, first: 3 },
      ],
      1,
    );
    lane.append(step, 1);
    expect(lane.lengths).toEqual([3, 5, 4]);
    expectTexts(lane, [1, 2, 3]);

    next.addFrom(lane, 1);
    lane.removeRow(1);
    expectTexts(lane, [1, 3]);
    expectTexts(next, [2]);

    for (let text = 4; text < 12; text += 1) {
      lane.addPrefilled(newRows([{ text, first: 0 }], 2), { from: 0, stride: 2, length: 2 });
    }
    expectTexts(lane, [1, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    lane.removeRow(9);
    lane.removeRow(0);
    expectTexts(lane, [10, 3, 4, 5, 6, 7, 8, 9]);
  });
});
