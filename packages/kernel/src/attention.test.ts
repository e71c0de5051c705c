import { describe, expect, it } from 'vitest';
import { attentionScratchBytes, hasQuads, paddedWidth, pageBytes, pagePositions } from './index.ts';
import { bitsOf, openArena, seeded } from './test-arena.ts';

const random = seeded(3);

interface Text {
  readonly length: number;
  readonly heads: number;
  readonly headWidth: number;
  /** [length, heads, headWidth], like values. */
  readonly keys: Float32Array;
  readonly values: Float32Array;
  /** [heads, headWidth]. */
  readonly queries: Float32Array;
}

function newText(length: number, heads: number, headWidth: number): Text {
  const vectors = (count: number) => random.normals(count * heads * headWidth);
  const queries = vectors(1).map((x) => x / Math.sqrt(headWidth));
  return { length, heads, headWidth, keys: vectors(length), values: vectors(length), queries };
}

type Format = 'int8 by pairs' | 'int8 by quads' | 'float32';
const formats: readonly Format[] = ['int8 by pairs', ...(hasQuads ? (['int8 by quads'] as const) : []), 'float32'];

/**
 * Attention as by one thread for each part of the heads. The pages have garbage where the text has nothing.
 * @param rows  With 2 the last position's queries are also those of the position before, which is computed with it.
 */
function attend(text: Text, format: Format, parts: readonly number[] = [0, text.heads], rows = 1): Float32Array {
  const { kernel, floats, take, bytes, int32 } = openArena(16, format === 'int8 by quads');
  const { length, heads } = text;
  const number = format === 'float32' ? 'float32' : 'int8';
  const headWidth = paddedWidth(text.headWidth);
  const width = heads * headWidth;
  const pages = int32(Math.ceil(length / pagePositions));
  for (const index of pages.keys()) pages[index] = bytes(pageBytes({ heads, headWidth }, number)).fill(0xff).byteOffset;
  const scratch = take(attentionScratchBytes({ heads, headWidth }, length));
  // Whatever is written behind the scratch is found.
  const guard = bytes(64).fill(7);
  const padded = (x: Float32Array): Float32Array => floats(padHeads(x, text.headWidth, headWidth));
  const [keys, values] = [padded(text.keys), padded(text.values)];
  const queries = floats(Array.from({ length: rows }, () => [...padded(text.queries)]).flat());
  const out = floats(rows * width);
  const [append, attendPages] =
    number === 'int8' ? (['appendInt8', 'attendInt8'] as const) : (['appendFloat32', 'attendFloat32'] as const);
  for (const [index, to] of parts.slice(1).entries()) {
    const from = parts[index] ?? 0;
    const skipped = 4 * from * headWidth;
    for (let t = 0; t < length; t += 1) {
      const at = skipped + 4 * t * width;
      const page = pages[Math.floor(t / pagePositions)] ?? 0;
      const place = t % pagePositions;
      kernel[append](page, place, heads, headWidth, from, to, keys.byteOffset + at, values.byteOffset + at, scratch);
    }
    kernel[attendPages](
      pages.byteOffset,
      length + 1 - rows,
      heads,
      headWidth,
      from,
      to,
      rows,
      queries.byteOffset + skipped,
      4 * width,
      out.byteOffset + skipped,
      4 * width,
      scratch,
    );
  }
  expect(guard.every((byte) => byte === 7)).toBe(true);
  return out.filter((_, index) => index % headWidth < text.headWidth);
}

/** Pads each row of so many numbers with zeros. */
function padHeads(x: Float32Array, width: number, padded: number): Float32Array {
  const out = new Float32Array((x.length / width) * padded);
  for (let row = 0; row < x.length / width; row += 1) out.set(x.subarray(width * row, width * (row + 1)), padded * row);
  return out;
}

/** The same in double precision. */
function attendExactly({ length, heads, headWidth, keys, values, queries }: Text): Float64Array {
  const out = new Float64Array(heads * headWidth);
  for (let head = 0; head < heads; head += 1) {
    const at = (t: number, d: number): number => (t * heads + head) * headWidth + d;
    const scores = Array.from({ length }, (_, t) => {
      let score = 0;
      for (let d = 0; d < headWidth; d += 1) score += (queries[at(0, d)] ?? 0) * (keys[at(t, d)] ?? 0);
      return score;
    });
    const shares = scores.map((score) => Math.exp(score - Math.max(...scores)));
    const total = shares.reduce((sum, share) => sum + share, 0);
    for (let d = 0; d < headWidth; d += 1) {
      out[at(0, d)] = shares.reduce((sum, share, t) => sum + (share / total) * (values[at(t, d)] ?? 0), 0);
    }
  }
  return out;
}

/** The root of the mean square of the difference, as a share of b's. */
function relativeError(a: ArrayLike<number>, b: Float64Array): number {
  const squares = b.reduce((sum, value) => sum + value * value, 0);
  return Math.sqrt(b.reduce((sum, value, index) => sum + ((a[index] ?? 0) - value) ** 2, 0) / squares);
}

describe.each(formats)('attention over pages in %s', (format) => {
  const tolerance = format === 'float32' ? 2e-6 : 0.02;

  it.each([
    [1, 1, 64],
    [1, 3, 17],
    [63, 5, 80],
    [64, 3, 64],
    [65, 1, 80],
    [65, 5, 17],
    [512, 3, 1],
    [1200, 2, 128],
  ])('agrees with double precision: length %i, %i heads of width %i', (length, heads, headWidth) => {
    const text = newText(length, heads, headWidth);
    expect(relativeError(attend(text, format), attendExactly(text))).toBeLessThan(tolerance);
  });

  it('has the same bits in any split of the heads', () => {
    const text = newText(131, 5, 80);
    const whole = bitsOf(attend(text, format));
    expect(bitsOf(attend(text, format, [0, 1, 5]))).toEqual(whole);
    expect(bitsOf(attend(text, format, [0, 1, 2, 3, 4, 5]))).toEqual(whole);
  });

  it('has the same bits for two positions at once as for each alone', () => {
    for (const length of [2, 16, 64, 66, 130]) {
      const text = newText(length, 3, 80);
      const before = { ...text, length: length - 1 };
      const alone = [...bitsOf(attend(before, format)), ...bitsOf(attend(text, format))];
      expect([...bitsOf(attend(text, format, [0, 1, 3], 2))]).toEqual(alone);
    }
  });

  it('is exact for one position of small whole numbers, and for equal values', () => {
    const text = newText(1, 1, 64);
    text.values.set(Array.from({ length: 64 }, (_, index) => 127 - index));
    expect(Array.from(attend(text, format), Math.round)).toEqual([...text.values]);
    const equal = newText(300, 1, 64);
    equal.values.fill(1);
    for (const value of attend(equal, format)) expect(value).toBeCloseTo(1, 4);
  });

  it('does not overflow when 4,096 positions have the largest share and value', () => {
    const text = newText(4096, 1, 16);
    text.keys.fill(1);
    text.queries.fill(1);
    text.values.fill(1);
    for (const value of attend(text, format)) expect(value).toBeCloseTo(1, 5);
  });

  it('does not overflow in a wide head whose queries and keys all have the largest size', () => {
    const text = newText(2, 1, 1024);
    text.queries.fill(0.01);
    text.keys.fill(1).fill(-1, 1024);
    expect(relativeError(attend(text, format), attendExactly(text))).toBeLessThan(tolerance);
  });

  it.each(['keys', 'values', 'queries'] as const)('passes on %s that are not finite, in their head alone', (name) => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const text = newText(70, 3, 16);
      text[name][16 + 5] = value;
      const out = attend(text, format);
      const expected = attend(text, format, [0, 1, 2, 3]);
      expect(bitsOf(out.subarray(0, 16))).toEqual(bitsOf(expected.subarray(0, 16)));
      expect([out.subarray(0, 16), out.subarray(32)].every((head) => head.every(Number.isFinite))).toBe(true);
      // A key of −∞ in float32 may just get no share.
      if (name === 'keys' && format === 'float32' && Number.isFinite(out[16])) continue;
      expect(out.subarray(16, 32).some((x) => !Number.isFinite(x))).toBe(true);
    }
  });
});

it('attention by quads has the same bits as by pairs', () => {
  for (const [length, headWidth] of [
    [1, 16],
    [67, 80],
    [190, 64],
    [3, 1024],
  ] as const) {
    const text = newText(length, 3, headWidth);
    // The largest whole numbers of both signs, and numbers whose scales are subnormal.
    for (const change of [(x: number) => x, Math.sign, (x: number) => 1e-36 * x]) {
      const [keys, values, queries] = [text.keys.map(change), text.values.map(change), text.queries.map(change)];
      const changed = { ...text, keys, values, queries };
      const int8Formats = formats.filter((format) => format !== 'float32');
      const [byPairs, ...others] = int8Formats.map((format) => attend(changed, format));
      for (const other of others) expect(bitsOf(other)).toEqual(bitsOf(byPairs as Float32Array));
    }
  }
});

it('exponentials of scores have a relative error below 5e-7', () => {
  // Each head's two positions have the scores 0 and x, and the values 0 and 1: the context is e^x / (1 + e^x).
  const text = newText(2, 800, 1);
  text.keys.set(Array.from({ length: 1600 }, (_, index) => (index < 800 ? 0 : 1)));
  text.values.set(text.keys);
  text.queries.set(Array.from({ length: 800 }, (_, head) => -head / 12.5));
  const errors = Array.from(attend(text, 'float32'), (value, head) => {
    const exact = Math.exp(text.queries[head] ?? 0);
    return Math.abs((value * (1 + exact)) / exact - 1);
  });
  expect(Math.max(...errors)).toBeLessThan(5e-7);
});

it('a position far below the largest score has a share of e^-64, so no product is subnormal', () => {
  const text = newText(2, 1, 1);
  text.keys.set([0, 1]);
  text.values.set([0, 1]);
  for (const score of [-65, -1_000]) {
    text.queries.set([score]);
    expect((attend(text, 'float32')[0] ?? 0) / Math.exp(-64)).toBeCloseTo(1, 5);
  }
});
