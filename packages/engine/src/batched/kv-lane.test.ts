import { describe, expect, it } from 'vitest';
import { KvLane } from './kv-lane.ts';
import { laneSizes } from './lane-sizes.ts';
import type { KeysValues } from './step.ts';

const shape = { layers: 2, heads: 3, headWidth: 4 };

/** A number that encodes its origin: text, position, layer, part, head and index. */
const numberAt = (text: number, position: number, layer: number, part: number, head: number, index: number): number =>
  text * 1e6 + position * 1e4 + layer * 1e3 + part * 500 + head * 10 + index;

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** The keys and values that a step over these texts computes, [B, H, S, D], from each text's first position on. */
function newRows(texts: readonly { text: number; first: number }[], steps: number): readonly KeysValues[] {
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

/** Adds a row with the first `length` positions of a text. */
function join(lane: KvLane, text: number, length: number, stride = length): void {
  lane.extend(lane.addRow(), { data: newRows([{ text, first: 0 }], stride), row: 0, stride, length });
}

/**
 * Checks that row i of the lane holds the i-th text at every position, and that its mask shows these positions only.
 */
function expectTexts(lane: KvLane, texts: readonly number[]): void {
  expect(lane.lengths).toHaveLength(texts.length);
  const { mask, past, pastLength } = lane.input(texts.length + 1);
  for (const [row, text] of texts.entries()) {
    const length = lane.lengths[row] ?? 0;
    expectSeen(mask, { row, pastLength, length });
    for (let layer = 0; layer < shape.layers; layer += 1) {
      for (const [part, array] of past(layer).entries()) {
        for (let head = 0; head < shape.heads; head += 1) {
          for (let position = 0; position < length; position += 1) {
            const at = ((row * shape.heads + head) * lane.size + position) * shape.headWidth;
            expect(array[at + 1]).toBe(Math.fround(numberAt(text, position, layer, part, head, 1)));
          }
        }
      }
    }
  }
  expectSeen(mask, { row: texts.length, pastLength, length: 0 });
}

/** Checks that a row's mask shows the new position and the first `length` positions of the past. */
function expectSeen(mask: Float32Array, of: { row: number; pastLength: number; length: number }): void {
  const row = [...mask.subarray(of.row * (1 + of.pastLength), (of.row + 1) * (1 + of.pastLength))];
  expect(row).toEqual(row.map((_, index) => (index <= of.length ? 0 : Number.NEGATIVE_INFINITY)));
}

describe('keys and values of a lane', () => {
  it('have lanes up to the number of positions of the model', () => {
    expect(laneSizes(1024)).toEqual([64, 128, 192, 256, 384, 512, 1024]);
    expect(laneSizes(100)).toEqual([64, 100]);
    expect(laneSizes(32)).toEqual([32]);
  });

  it('stay with their text while others join, grow, leave and move', () => {
    const lane = new KvLane(8, shape);
    const next = new KvLane(16, shape);
    for (const [index, length] of [2, 4, 3].entries()) join(lane, index + 1, length, 4);
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

    next.extend(next.addRow(), lane.sliceOf(1));
    lane.removeRow(1);
    expectTexts(lane, [1, 3]);
    expectTexts(next, [2]);

    // Extended once more, like a prompt of two chunks.
    next.extend(0, { data: newRows([{ text: 2, first: 5 }], 8), row: 0, stride: 8, length: 6 });
    expect(next.lengths).toEqual([11]);
    expectTexts(next, [2]);

    for (let text = 4; text < 12; text += 1) join(lane, text, 2);
    expectTexts(lane, [1, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    lane.removeRow(9);
    lane.removeRow(0);
    expectTexts(lane, [10, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('free memory when most texts have been gone for a while, and keep the remaining ones', () => {
    const lane = new KvLane(256, shape);
    for (let text = 0; text < 16; text += 1) join(lane, text, 3);
    expect(lane.reserved).toBe(16 * 256);
    for (let text = 15; text > 0; text -= 1) lane.removeRow(text);
    for (let step = 0; step < 100; step += 1) {
      lane.shrink();
      expect(lane.reserved).toBe(16 * 256);
      lane.append(newRows([{ text: 0, first: 3 + step }], 1), 0);
    }
    lane.shrink();
    expect(lane.reserved).toBe(256);
    expectTexts(lane, [0]);
    lane.removeRow(0);
    for (let step = 0; step < 100; step += 1) lane.append([], 0);
    lane.shrink();
    expect(lane.reserved).toBe(0);
  });
});
