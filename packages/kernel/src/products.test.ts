import { describe, expect, it } from 'vitest';
import { hasQuads, packWeights, paddedWidth } from './index.ts';
import { openArena, seeded } from './test-arena.ts';

const random = seeded(1);
const largestWeight = (index: number): number => (index % 2 === 0 ? -128 : 127);
const anyWeight = (): number => random.whole(-128, 127);

interface Product {
  /** −127 to 127 with the zero point 128, and 0 to 255 with 0. */
  readonly x: (index: number) => number;
  readonly weights: (index: number) => number;
  readonly rows: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly zeroPoint?: 0 | 128;
}

/** @returns x [rows, inputs] · weights [inputs, outputs] by the kernel's ways, and by whole numbers in JavaScript */
function multiplyAll({ x, weights, rows, inputs, outputs, zeroPoint = 128 }: Product) {
  const { kernel, bytes, int16, int32 } = openArena();
  const width = paddedWidth(inputs);
  const blocks = paddedWidth(outputs) / 16;
  const values = Int8Array.from({ length: inputs * outputs }, (_, index) => weights(index));
  const packed = packWeights({ values, inputs, outputs }, 0, outputs);
  const at = bytes(packed.length);
  at.set(new Uint8Array(packed.buffer));
  const x16 = int16(rows * width);
  const room = 2 * Math.ceil(rows / 2);
  const x8 = bytes(room * width).fill(zeroPoint);
  for (let row = 0; row < rows; row += 1) {
    for (let input = 0; input < inputs; input += 1) {
      const place = row * width + input;
      x16[place] = x(row * inputs + input);
      x8[place] = (x16[place] ?? 0) + zeroPoint;
    }
  }
  const byPairs = int32(rows * 16 * blocks);
  kernel.multiply(at.byteOffset, width, blocks, x16.byteOffset, rows, byPairs.byteOffset);
  const sums = [byPairs];
  const scratch = bytes(16 * width).byteOffset;
  if (hasQuads) {
    const starts = int32(16 * blocks).byteOffset;
    const byQuads = int32(room * 16 * blocks).subarray(0, rows * 16 * blocks);
    kernel.pairsToQuads(at.byteOffset, width, blocks, zeroPoint, scratch, starts);
    kernel.multiplyQuads(at.byteOffset, width, blocks, x8.byteOffset, rows, starts, byQuads.byteOffset);
    sums.push(byQuads);
  }
  const expected = new Int32Array(byPairs.length);
  for (let row = 0; row < rows; row += 1) {
    for (let output = 0; output < outputs; output += 1) {
      let sum = 0;
      for (let input = 0; input < inputs; input += 1) {
        sum += (x16[row * width + input] ?? 0) * (values[input * outputs + output] ?? 0);
      }
      expected[row * 16 * blocks + output] = sum;
    }
  }
  return { sums, expected };
}

function expectExact(product: Product): void {
  const { sums, expected } = multiplyAll(product);
  for (const each of sums) expect(each).toEqual(expected);
}

describe('products by pairs, and by quads where these are exact,', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 15, 32])('are exact for %i rows', (rows) => {
    for (const outputs of [16, 48, 64]) {
      const shape = { rows, inputs: 80, outputs, weights: anyWeight };
      expectExact({ ...shape, x: () => random.whole(-127, 127) });
      expectExact({ ...shape, x: () => random.whole(0, 255), zeroPoint: 0 });
    }
  });

  it.each([
    [1, 16],
    [17, 1],
    [51, 153],
    [768, 33],
  ])('pad %i inputs and %i outputs with zeros', (inputs, outputs) => {
    expectExact({ x: () => random.whole(-127, 127), weights: anyWeight, rows: 3, inputs, outputs });
  });

  it.each([1, 2, 3, 4])('do not saturate with the largest numbers, %i rows', (rows) => {
    const shape = { rows, inputs: 4096, outputs: 16, weights: largestWeight };
    expectExact({ ...shape, x: () => 255, zeroPoint: 0 });
    expectExact({ ...shape, x: () => 127 });
    const { expected } = multiplyAll({ ...shape, x: () => 255, zeroPoint: 0 });
    expect(expected[0]).toBe(-128 * 255 * 4096);
  });
});

describe('packWeights', () => {
  it('makes a part of the columns a matrix of its own', () => {
    const [inputs, outputs] = [6, 40];
    const values = Int8Array.from({ length: inputs * outputs }, () => random.whole(-128, 127));
    const part = Int8Array.from({ length: inputs * 20 }, (_, index) => {
      return values[Math.floor(index / 20) * outputs + 20 + (index % 20)] ?? 0;
    });
    expect(packWeights({ values, inputs, outputs }, 20, 40)).toEqual(
      packWeights({ values: part, inputs, outputs: 20 }, 0, 20),
    );
  });

  it.each([
    [16, 16],
    [48, 33],
  ])('is undone by unpack, for %i inputs and %i outputs', (inputs, outputs) => {
    const { kernel, bytes } = openArena();
    const values = Int8Array.from({ length: inputs * outputs }, () => random.whole(-128, 127));
    const packed = packWeights({ values, inputs, outputs }, 0, outputs);
    const weights = bytes(packed.length);
    weights.set(new Uint8Array(packed.buffer));
    const width = paddedWidth(outputs);
    const [from, to] = [4, inputs - 2];
    const rows = bytes((to - from) * width);
    kernel.unpack(weights.byteOffset, inputs, width / 16, from, to, rows.byteOffset);
    const expected = Array.from({ length: rows.length }, (_, index) => {
      const column = index % width;
      return column < outputs ? (values[(from + Math.floor(index / width)) * outputs + column] ?? 0) : 0;
    });
    expect([...new Int8Array(rows.buffer, rows.byteOffset, rows.length)]).toEqual(expected);
  });
});
