/** Exact sums of products of bytes, by groups of four inputs, "quads", where `hasQuads` is true. */
import { store2, store4 } from './products';

/**
 * Changes weights in place from the layout of `multiply` to that of `multiplyQuads`, [M / 8][K / 4][8][4]. Writes
 * −zeroPoint · the sum of each column to starts [M] int32, so that products of uint8 inputs begin there.
 * @param scratch  16 · K bytes.
 */
export function pairsToQuads(
  weights: usize,
  inputs: i32,
  blocks: i32,
  zeroPoint: i32,
  scratch: usize,
  starts: usize,
): void {
  const x = i8x16.splat(<i8>zeroPoint);
  for (let block = 0; block < blocks; block++, starts += 64) {
    memory.copy(scratch, weights, 16 * inputs);
    let a = i32x4.splat(0);
    let b = a;
    let c = a;
    let d = a;
    let half = weights;
    for (let end = half + 8 * inputs, p = scratch; half < end; half += 32, p += 64) {
      const w = quads(v128.load(p), v128.load(p, 32), false);
      const w2 = quads(v128.load(p), v128.load(p, 32), true);
      const w3 = quads(v128.load(p, 16), v128.load(p, 48), false);
      const w4 = quads(v128.load(p, 16), v128.load(p, 48), true);
      a = addQuads(a, w, x);
      b = addQuads(b, w2, x);
      c = addQuads(c, w3, x);
      d = addQuads(d, w4, x);
      v128.store(half, w);
      v128.store(half, w2, 16);
      v128.store(half + 8 * inputs, w3);
      v128.store(half + 8 * inputs, w4, 16);
    }
    store4(starts, i32x4.neg(a), i32x4.neg(b), i32x4.neg(c), i32x4.neg(d));
    weights += 16 * inputs;
  }
}

/** Joins two inputs of eight columns with the next two inputs: four inputs of the first, or the last, four columns. */
function quads(pairs: v128, next: v128, isSecondHalf: bool): v128 {
  return isSecondHalf
    ? v128.shuffle<i16>(pairs, next, 4, 12, 5, 13, 6, 14, 7, 15)
    : v128.shuffle<i16>(pairs, next, 0, 8, 1, 9, 2, 10, 3, 11);
}

/**
 * Like `multiply`, by sums of four products of bytes. x8 [rows, K] uint8; starts [M] int32 are added. One row is
 * computed as 2, which takes no longer, and 3 as 4.
 */
export function multiplyQuads(
  weights: usize,
  inputs: i32,
  blocks: i32,
  x8: usize,
  rows: i32,
  starts: usize,
  sums: usize,
): void {
  const stride = 64 * blocks;
  if (rows <= 2) {
    const next = rows === 2 ? inputs : 0;
    const step = rows === 2 ? stride : 0;
    for (let end = sums + stride / 2; sums < end; sums += 32, starts += 32, weights += 8 * inputs) {
      quads2(weights, x8, next, inputs, blocks, starts, sums, step);
    }
    return;
  }
  for (let end = sums + stride; sums < end; sums += 32, starts += 32, weights += 8 * inputs) {
    let x = x8;
    let out = sums;
    for (let left = rows; left > 0; left -= 4, x += 4 * inputs, out += 4 * stride) {
      quads4(weights, x, inputs, starts, out, stride);
    }
  }
}

/**
 * Eight columns, and the same eight of the second half of the columns, of the rows at x and x + next. Two streams of
 * weights that lie far apart are read from memory faster than one.
 */
function quads2(
  weights: usize,
  x: usize,
  next: i32,
  inputs: i32,
  blocks: i32,
  starts: usize,
  out: usize,
  stride: i32,
): void {
  const half = 32 * blocks;
  let a = v128.load(starts);
  let b = v128.load(starts, 16);
  let c = v128.load(starts + half);
  let d = v128.load(starts + half, 16);
  let e = a;
  let f = b;
  let g = c;
  let h = d;
  let far = weights + 8 * inputs * blocks;
  for (let end = x + inputs; x < end; x += 4, weights += 32, far += 32) {
    const x4 = v128.load32_splat(x);
    const y4 = v128.load32_splat(x + next);
    let w = v128.load(weights);
    a = addQuads(a, w, x4);
    e = addQuads(e, w, y4);
    w = v128.load(weights, 16);
    b = addQuads(b, w, x4);
    f = addQuads(f, w, y4);
    w = v128.load(far);
    c = addQuads(c, w, x4);
    g = addQuads(g, w, y4);
    w = v128.load(far, 16);
    d = addQuads(d, w, x4);
    h = addQuads(h, w, y4);
  }
  store2(out, a, b);
  store2(out + half, c, d);
  out += stride;
  store2(out, e, f);
  store2(out + half, g, h);
}

/** Eight columns of four rows, which lie one after the other. */
function quads4(weights: usize, x: usize, inputs: i32, starts: usize, out: usize, stride: i32): void {
  let a = v128.load(starts);
  let b = v128.load(starts, 16);
  let c = a;
  let d = b;
  let e = a;
  let f = b;
  let g = a;
  let h = b;
  let y = x + 2 * inputs;
  for (let end = x + inputs; x < end; x += 4, y += 4, weights += 32) {
    const w = v128.load(weights);
    const w2 = v128.load(weights, 16);
    let x4 = v128.load32_splat(x);
    a = addQuads(a, w, x4);
    b = addQuads(b, w2, x4);
    x4 = v128.load32_splat(x + inputs);
    c = addQuads(c, w, x4);
    d = addQuads(d, w2, x4);
    x4 = v128.load32_splat(y);
    e = addQuads(e, w, x4);
    f = addQuads(f, w2, x4);
    x4 = v128.load32_splat(y + inputs);
    g = addQuads(g, w, x4);
    h = addQuads(h, w2, x4);
  }
  store2(out, a, b);
  store2(out + stride, c, d);
  store2(out + 2 * stride, e, f);
  store2(out + 3 * stride, g, h);
}

/**
 * Multiplies a matrix of whole numbers with one row of them, 256 · upper + lower, to out [16] int32.
 * @param matrix  [K / 4][16][4] uint8: the numbers + 128, since one factor of each product has to be unsigned.
 * @param x  The upper bytes [K] int8. The lower ones [K] int8 are `low` bytes behind them, and behind these four times
 *   −128 · the sum of the row.
 */
export function multiplyHalves1(matrix: usize, x: usize, low: i32, inputs: i32, out: usize): void {
  let a = i32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let e = v128.load(x + 2 * low);
  let f = e;
  let g = e;
  let h = e;
  for (let end = x + inputs; x < end; x += 4, matrix += 64) {
    const upper = v128.load32_splat(x);
    const lower = v128.load32_splat(x + low);
    let w = v128.load(matrix);
    a = addQuads(a, upper, w);
    e = addQuads(e, lower, w);
    w = v128.load(matrix, 16);
    b = addQuads(b, upper, w);
    f = addQuads(f, lower, w);
    w = v128.load(matrix, 32);
    c = addQuads(c, upper, w);
    g = addQuads(g, lower, w);
    w = v128.load(matrix, 48);
    d = addQuads(d, upper, w);
    h = addQuads(h, lower, w);
  }
  store2(out, joinHalves(a, e), joinHalves(b, f));
  store2(out + 32, joinHalves(c, g), joinHalves(d, h));
}

/** `multiplyHalves1` of two rows, `xStep` bytes apart, to out and `stride` bytes behind it. */
export function multiplyHalves2(
  matrix: usize,
  x: usize,
  xStep: i32,
  low: i32,
  inputs: i32,
  out: usize,
  stride: i32,
): void {
  for (let half = 0; half < 64; half += 32) {
    let a = i32x4.splat(0);
    let b = a;
    let c = a;
    let d = a;
    let e = v128.load(x + 2 * low);
    let f = e;
    let g = v128.load(x + xStep + 2 * low);
    let h = g;
    let w = matrix + half;
    let y = x + xStep;
    for (let p = x, end = x + inputs; p < end; p += 4, y += 4, w += 64) {
      const w1 = v128.load(w);
      const w2 = v128.load(w, 16);
      let x4 = v128.load32_splat(p);
      a = addQuads(a, x4, w1);
      b = addQuads(b, x4, w2);
      x4 = v128.load32_splat(y);
      c = addQuads(c, x4, w1);
      d = addQuads(d, x4, w2);
      x4 = v128.load32_splat(p + low);
      e = addQuads(e, x4, w1);
      f = addQuads(f, x4, w2);
      x4 = v128.load32_splat(y + low);
      g = addQuads(g, x4, w1);
      h = addQuads(h, x4, w2);
    }
    store2(out + half, joinHalves(a, e), joinHalves(b, f));
    store2(out + half + stride, joinHalves(c, g), joinHalves(d, h));
  }
}

function joinHalves(upper: v128, lower: v128): v128 {
  return i32x4.add(i32x4.shl(upper, 8), lower);
}

/** Adds the products of 4 times 4 numbers, int8 and uint8. The sums are exact where `hasQuads` is true. */
function addQuads(sums: v128, signed: v128, unsigned: v128): v128 {
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(signed, unsigned, sums);
}

/**
 * Whether this CPU and V8 multiply int8 with uint8 and add four products without clamping, as x64 does with AVX-VNNI.
 * WebAssembly leaves it open for inputs beyond 127. The operands lie in memory, so that no compiler answers instead.
 */
export function hasQuads(scratch: usize): bool {
  v128.store(scratch, i32x4(-1, 0x7f7f7f7f, <i32>0x80808080, 0x7f807f80));
  v128.store(scratch, i32x4(-1, -1, -1, -1), 16);
  const sums = addQuads(i32x4.splat(0), v128.load(scratch), v128.load(scratch, 16));
  return i8x16.all_true(i32x4.eq(sums, i32x4(-1020, 129540, -130560, -510)));
}
