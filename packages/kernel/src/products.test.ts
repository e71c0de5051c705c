import { describe, expect, it } from 'vitest';
import { packWeights, paddedWidth } from './index.ts';
import { openArena, seeded } from './test-arena.ts';

const random = seeded(1);
const anyInput = (): number => random.whole(-127, 255);
const anyWeight = (): number => random.whole(-128, 127);

/** @returns x [rows, inputs] · weights [inputs, outputs] by the kernel, and by whole numbers in JavaScript */
function multiplyBoth({
  x,
  weights,
  rows,
  inputs,
  outputs,
}: {
  x: (index: number) => number;
  weights: (index: number) => number;
  rows: number;
  inputs: number;
  outputs: number;
}) {
  const { kernel, bytes, int16, int32 } = openArena();
  const width = paddedWidth(inputs);
  const blocks = paddedWidth(outputs) / 16;
  const values = Int8Array.from({ length: inputs * outputs }, (_, index) => weights(index));
  const packed = packWeights({ values, inputs, outputs }, 0, outputs);
  const at = bytes(packed.length);
  at.set(new Uint8Array(packed.buffer));
  const x16 = int16(rows * width);
  for (let row = 0; row < rows; row += 1) {
    for (let input = 0; input < inputs; input += 1) x16[row * width + input] = x(row * inputs + input);
  }
  const sums = int32(rows * 16 * blocks);
  kernel.multiply(at.byteOffset, width, blocks, x16.byteOffset, rows, sums.byteOffset);
  const expected = new Int32Array(sums.length);
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

describe('multiply', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8, 11])('is exact for %i rows', (rows) => {
    const shape = { rows, inputs: 80, outputs: 48 };
    const { sums, expected } = multiplyBoth({ x: anyInput, weights: anyWeight, ...shape });
    expect(sums).toEqual(expected);
  });

  it.each([
    [1, 16],
    [17, 1],
    [51, 153],
    [768, 33],
  ])('pads %i inputs and %i outputs with zeros', (inputs, outputs) => {
    const shape = { rows: 3, inputs, outputs };
    const { sums, expected } = multiplyBoth({
      x: anyInput,
      weights: anyWeight,
      ...shape,
    });
    expect(sums).toEqual(expected);
  });

  it.each([1, 2, 3, 4])('does not saturate with the largest numbers, %i rows', (rows) => {
    const shape = { rows, inputs: 4096, outputs: 16 };
    const { sums, expected } = multiplyBoth({ x: () => 255, weights: (i) => (i % 2 === 0 ? -128 : 127), ...shape });
    expect(expected[0]).toBe(-128 * 255 * 4096);
    expect(sums).toEqual(expected);
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
