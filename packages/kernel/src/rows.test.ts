import { describe, expect, it } from 'vitest';
import { type Ending, endings, paddedWidth } from './index.ts';
import { bitsOf, openArena, seeded } from './test-arena.ts';

const random = seeded(2);

const range = (low: number, high: number, count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, index) => low + ((high - low) * index) / (count - 1));

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (value, index) => Math.abs(value - (b[index] ?? Number.NaN))));

/** erf in double precision: the series near 0, the continued fraction of erfc elsewhere. */
function erf(x: number): number {
  const z = Math.abs(x);
  if (z < 3) {
    let [term, sum] = [z, z];
    for (let n = 1; Math.abs(term) > 1e-18; n += 1) {
      term *= (-z * z) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let n = 60; n > 0; n -= 1) fraction = n / 2 / (z + fraction);
  return Math.sign(x) * (1 - Math.exp(-z * z) / Math.sqrt(Math.PI) / (z + fraction));
}

function finished(x: Float32Array, ending: Ending, start = 0): Float32Array {
  const { kernel, floats } = openArena();
  const sums = floats(x);
  const out = floats(x.map(() => start));
  kernel.finish(sums.byteOffset, 1, x.length, 0, 0, 0, out.byteOffset, x.length, ending);
  return out.slice();
}

describe('finish', () => {
  const inputs = range(-12, 12, 16 * 4096);

  /** The largest difference, as a share of the input. */
  const largestError = (ending: Ending, exact: Float64Array): number =>
    Math.max(...finished(inputs, ending).map((y, index) => Math.abs((y - (exact[index] ?? 0)) / (inputs[index] ?? 0))));

  it('computes gelu_new like double precision, within 2.5e-7 of the input', () => {
    const exact = Float64Array.from(
      inputs,
      (x) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2,
    );
    expect(largestError(endings.geluTanh, exact)).toBeLessThan(2.5e-7);
  });

  it('computes gelu like double precision, within 2.5e-7 of the input', () => {
    const exact = Float64Array.from(inputs, (x) => (x * (1 + erf(x / Math.SQRT2))) / 2);
    expect(largestError(endings.geluErf, exact)).toBeLessThan(2.5e-7);
  });

  it('computes relu, and adds to what is there', () => {
    expect(finished(inputs, endings.relu)).toEqual(inputs.map((x) => Math.max(0, x)));
    expect(finished(inputs, endings.add, 0.3)).toEqual(inputs.map((x) => x + Math.fround(0.3)));
    expect(finished(inputs, endings.none)).toEqual(inputs);
  });

  it.each(Object.entries(endings))('passes NaN and infinity on: %s', (_name, ending) => {
    const x = new Float32Array(16).fill(1);
    x.set([Number.NaN, Number.POSITIVE_INFINITY], 3);
    const out = finished(x, ending);
    expect(Array.from(out, Number.isFinite)).toEqual(Array.from(x, Number.isFinite));
  });

  it.each(Object.entries(endings))(
    'gives a row the same bits among others and in parts of its columns: %s',
    (_name, ending) => {
      const { kernel, floats, int32 } = openArena();
      const [rows, columns] = [5, 96];
      const sums = int32(rows * columns);
      for (const index of sums.keys()) sums[index] = random.whole(-(2 ** 26), 2 ** 26);
      const given = sums.slice();
      const rowScales = floats(random.normals(rows).map((x) => x / 2 ** 12));
      const columnScales = floats(random.normals(columns).map((x) => x / 2 ** 12));
      const bias = floats(random.normals(columns));
      const start = random.normals(rows * columns);
      const together = floats(start);
      kernel.finish(
        sums.byteOffset,
        rows,
        columns,
        rowScales.byteOffset,
        columnScales.byteOffset,
        bias.byteOffset,
        together.byteOffset,
        columns,
        ending,
      );
      const apart = floats(start);
      for (let row = 0; row < rows; row += 1) {
        for (const [from, to] of [
          [0, 32],
          [32, 48],
          [48, 96],
        ] as const) {
          const part = int32(to - from);
          part.set(given.subarray(row * columns + from, row * columns + to));
          kernel.finish(
            part.byteOffset,
            1,
            to - from,
            rowScales.byteOffset + 4 * row,
            columnScales.byteOffset + 4 * from,
            bias.byteOffset + 4 * from,
            apart.byteOffset + 4 * (row * columns + from),
            columns,
            ending,
          );
        }
      }
      expect(bitsOf(apart)).toEqual(bitsOf(together));
      if (ending !== endings.none) return;
      // The order of onnxruntime's MatMulIntegerToFloat with the scale 1 for the inputs.
      const f = Math.fround;
      const expected = Float32Array.from(given, (sum, index) => {
        const column = index % columns;
        const scaled = f(f(f(sum) * (columnScales[column] ?? 0)) * (rowScales[Math.floor(index / columns)] ?? 0));
        return scaled + (bias[column] ?? 0);
      });
      expect(bitsOf(together)).toEqual(bitsOf(expected));
      const floatSums = floats(Float32Array.from(given, (sum, index) => f(sum) * (columnScales[index % columns] ?? 0)));
      kernel.finish(
        floatSums.byteOffset,
        rows,
        columns,
        rowScales.byteOffset,
        0,
        bias.byteOffset,
        apart.byteOffset,
        columns,
        ending,
      );
      expect(bitsOf(apart)).toEqual(bitsOf(together));
    },
  );
});

it('embed adds the rows', () => {
  const { kernel, floats } = openArena();
  const [token, position, out] = [floats(random.normals(48)), floats(random.normals(48)), floats(48)];
  kernel.embed(token.byteOffset, position.byteOffset, out.byteOffset, 48);
  expect(out).toEqual(token.map((value, index) => value + (position[index] ?? 0)));
});

describe('layerNorm', () => {
  it.each([1, 5, 16, 51, 64, 80, 768])('is within 1e-5 of double precision at width %i, and padding is 0', (width) => {
    const { kernel, floats } = openArena();
    const [rows, stride] = [7, paddedWidth(width)];
    const padded = (values: Float32Array): Float32Array => {
      return floats(Array.from({ length: stride }, (_, index) => values[index] ?? 0));
    };
    const [gain, bias] = [padded(random.normals(width)), padded(random.normals(width))];
    const x = floats(
      Array.from({ length: rows }, () => [...padded(random.normals(width).map((y) => 3 + 2 * y))]).flat(),
    );
    const out = floats(rows * stride);
    const whole = [gain.byteOffset, bias.byteOffset, 1e-5, out.byteOffset] as const;
    kernel.layerNorm(x.byteOffset, width, 0, rows, ...whole);
    for (let row = 0; row < rows; row += 1) {
      const values = Array.from(x.subarray(row * stride, row * stride + width));
      const mean = values.reduce((sum, y) => sum + y, 0) / width;
      const variance = values.reduce((sum, y) => sum + (y - mean) ** 2, 0) / width;
      const exact = values.map((y, i) => ((y - mean) / Math.sqrt(variance + 1e-5)) * (gain[i] ?? 0) + (bias[i] ?? 0));
      const got = out.subarray(row * stride, (row + 1) * stride);
      // With one number, the difference from the mean is a rounding error that epsilon does not hide.
      expect(largestDifference(exact, got)).toBeLessThan(1e-5);
      expect(got.subarray(width).every((y) => y === 0)).toBe(true);
    }
    const before = bitsOf(out);
    out.fill(0);
    for (const [from, to] of [
      [3, 7],
      [0, 1],
      [1, 3],
    ] as const)
      kernel.layerNorm(x.byteOffset, width, from, to, ...whole);
    expect(bitsOf(out)).toEqual(before);
  });
});

/** Also checks that each row has the same bits alone. */
function quantized(x: Float32Array, width: number, offset: number, zeroPoint: 0 | 128) {
  const { kernel, floats, int16, bytes } = openArena();
  const rows = x.length / width;
  const [from, n, u, scales] = [floats(x), int16(x.length), bytes(x.length), floats(rows)];
  const whole = [offset, zeroPoint, n.byteOffset, u.byteOffset, scales.byteOffset] as const;
  kernel.quantize(from.byteOffset, width, 0, rows, ...whole);
  const all = { n: n.slice(), u: u.slice(), scales: scales.slice() };
  n.fill(0);
  for (let row = rows - 1; row >= 0; row -= 1) kernel.quantize(from.byteOffset, width, row, row + 1, ...whole);
  expect({ n, u, scales }).toEqual(all);
  return all;
}

describe('quantize', () => {
  it('rounds each row to 127 steps of its own, half to even', () => {
    const width = 48;
    const x = Float32Array.from({ length: 5 * width }, (_, i) => random.normal() * 10 ** Math.floor(i / width));
    const { n, u, scales } = quantized(x, width, 0, 128);
    for (let row = 0; row < 5; row += 1) {
      const largest = Math.max(...x.subarray(row * width, (row + 1) * width).map(Math.abs));
      expect(scales[row]).toBe(Math.fround(largest / 127));
      expect(Math.max(...n.subarray(row * width, (row + 1) * width).map(Math.abs))).toBe(127);
    }
    const errors = Array.from(x, (y, i) => Math.abs(y / (scales[Math.floor(i / width)] ?? 0) - (n[i] ?? 0)));
    expect(Math.max(...errors)).toBeLessThan(0.5001);
    expect(Array.from(u)).toEqual(Array.from(n, (y) => y + 128));
    const halves = Float32Array.from({ length: 16 }, (_, i) => (i === 0 ? 127 : i - 8 + 0.5));
    expect([...quantized(halves, 16, 0, 128).n]).toEqual(
      [127, -6, -6, -4, -4, -2, -2, -0, 0, 2, 2, 4, 4, 6, 6, 8].map((y) => y + 0),
    );
  });

  it('rounds a row with an offset to 255 steps, never below 0', () => {
    const width = 32;
    const x = random.normals(4 * width).map((y) => Math.max(y, -0.17004));
    x.subarray(width, 2 * width).fill(-0.17004);
    const { n, u, scales } = quantized(x, width, 0.17, 0);
    expect(Array.from(u)).toEqual(Array.from(n));
    expect(Math.max(...n.subarray(0, width))).toBe(255);
    expect(Math.min(...n)).toBe(0);
    for (const [i, y] of x.entries()) {
      const scale = scales[Math.floor(i / width)] ?? 0;
      expect(Math.abs(Math.max(0, y + 0.17) - scale * (n[i] ?? 0))).toBeLessThan(0.5001 * scale + 1e-4);
    }
  });

  it.each([
    [70_000, 0],
    [140_000, 128],
  ] as const)(
    'gives a row of %i numbers so few steps that its products fit into int32, zero point %i',
    (width, zero) => {
      const { n, scales } = quantized(new Float32Array(width).fill(1), width, 0, zero);
      expect(n.reduce((sum, y) => sum + 127 * y, 0)).toBeLessThan(2 ** 31);
      expect((scales[0] ?? 0) * (n[0] ?? 0)).toBeCloseTo(1);
    },
  );

  it('gives zeros for a row of zeros and of the smallest numbers', () => {
    const x = new Float32Array(32);
    x[17] = 1e-45;
    const { n, scales } = quantized(x, 16, 0, 128);
    expect(n.every((y) => y === 0)).toBe(true);
    expect(scales[0]).toBe(0);
  });

  it.each([Number.NaN, -Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'gives a row with %d, and no other, a scale that is not finite',
    (value) => {
      for (const [offset, zeroPoint] of [
        [0, 128],
        [0.17, 0],
      ] as const) {
        const x = new Float32Array(48).fill(1);
        x[21] = value;
        expect(Array.from(quantized(x, 16, offset, zeroPoint).scales, Number.isFinite)).toEqual([true, false, true]);
      }
    },
  );
});
