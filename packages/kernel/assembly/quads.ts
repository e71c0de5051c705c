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
 * Like `multiply`, by sums of four products of bytes. x8 [rows, K] uint8; starts [M] int32 are added. An odd row is
 * computed with the one behind it, which takes no longer, unless it is the only one. The columns of each half are read
 * from memory once, and serve all rows.
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
  const half = 32 * blocks;
  const stride = 2 * half;
  let far = weights + 8 * inputs * blocks;
  const end = sums + half;
  if (rows === 1) {
    for (; sums + 32 < end; sums += 64, starts += 64, weights += 16 * inputs, far += 16 * inputs) {
      quads1(weights, far, x8, inputs, starts, half, sums);
    }
  }
  for (; sums < end; sums += 32, starts += 32, weights += 8 * inputs, far += 8 * inputs) {
    let x = x8;
    let out = sums;
    let left = (rows + 1) & -2;
    for (; left > 8 || left === 6; left -= 6, x += 6 * inputs, out += 6 * stride) {
      quads6(weights, far, x, inputs, starts, half, out, stride);
    }
    for (; left >= 4; left -= 4, x += 4 * inputs, out += 4 * stride) {
      quads4(weights, far, x, inputs, starts, half, out, stride);
    }
    if (left > 0) quads2(weights, far, x, inputs, starts, half, out, stride);
  }
}

/** One row of sixteen columns at `near`, and sixteen at `far`: four streams of weights. */
function quads1(near: usize, far: usize, x: usize, inputs: i32, starts: usize, half: i32, out: usize): void {
  let a = v128.load(starts);
  let b = v128.load(starts, 16);
  let c = v128.load(starts, 32);
  let d = v128.load(starts, 48);
  let e = v128.load(starts + half);
  let f = v128.load(starts + half, 16);
  let g = v128.load(starts + half, 32);
  let h = v128.load(starts + half, 48);
  let near2 = near + 8 * inputs;
  let far2 = far + 8 * inputs;
  for (let end = x + inputs; x < end; x += 4, near += 32, near2 += 32, far += 32, far2 += 32) {
    const x4 = v128.load32_splat(x);
    a = addQuads(a, v128.load(near), x4);
    b = addQuads(b, v128.load(near, 16), x4);
    c = addQuads(c, v128.load(near2), x4);
    d = addQuads(d, v128.load(near2, 16), x4);
    e = addQuads(e, v128.load(far), x4);
    f = addQuads(f, v128.load(far, 16), x4);
    g = addQuads(g, v128.load(far2), x4);
    h = addQuads(h, v128.load(far2, 16), x4);
  }
  store4(out, a, b, c, d);
  store4(out + half, e, f, g, h);
}

/**
 * Two rows, which lie one after the other, of eight columns at `near` and eight at `far`, whose sums are `half` bytes
 * behind. Two streams of weights that lie far apart are read from memory up to three times as fast as one.
 */
function quads2(
  near: usize,
  far: usize,
  x: usize,
  inputs: i32,
  starts: usize,
  half: i32,
  out: usize,
  stride: i32,
): void {
  let a1 = v128.load(starts);
  let a2 = v128.load(starts, 16);
  let a3 = v128.load(starts + half);
  let a4 = v128.load(starts + half, 16);
  let b1 = a1;
  let b2 = a2;
  let b3 = a3;
  let b4 = a4;
  for (let end = x + inputs; x < end; x += 4, near += 32, far += 32) {
    const w1 = v128.load(near);
    const w2 = v128.load(near, 16);
    const w3 = v128.load(far);
    const w4 = v128.load(far, 16);
    let x4 = v128.load32_splat(x);
    a1 = addQuads(a1, w1, x4);
    a2 = addQuads(a2, w2, x4);
    a3 = addQuads(a3, w3, x4);
    a4 = addQuads(a4, w4, x4);
    x4 = v128.load32_splat(x + inputs);
    b1 = addQuads(b1, w1, x4);
    b2 = addQuads(b2, w2, x4);
    b3 = addQuads(b3, w3, x4);
    b4 = addQuads(b4, w4, x4);
  }
  store2(out, a1, a2);
  store2(out + half, a3, a4);
  out += stride;
  store2(out, b1, b2);
  store2(out + half, b3, b4);
}

/** `quads2` of four rows. */
function quads4(
  near: usize,
  far: usize,
  x: usize,
  inputs: i32,
  starts: usize,
  half: i32,
  out: usize,
  stride: i32,
): void {
  let a1 = v128.load(starts);
  let a2 = v128.load(starts, 16);
  let a3 = v128.load(starts + half);
  let a4 = v128.load(starts + half, 16);
  let b1 = a1;
  let b2 = a2;
  let b3 = a3;
  let b4 = a4;
  let c1 = a1;
  let c2 = a2;
  let c3 = a3;
  let c4 = a4;
  let d1 = a1;
  let d2 = a2;
  let d3 = a3;
  let d4 = a4;
  let y = x + 2 * inputs;
  for (let end = x + inputs; x < end; x += 4, y += 4, near += 32, far += 32) {
    const w1 = v128.load(near);
    const w2 = v128.load(near, 16);
    const w3 = v128.load(far);
    const w4 = v128.load(far, 16);
    let x4 = v128.load32_splat(x);
    a1 = addQuads(a1, w1, x4);
    a2 = addQuads(a2, w2, x4);
    a3 = addQuads(a3, w3, x4);
    a4 = addQuads(a4, w4, x4);
    x4 = v128.load32_splat(x + inputs);
    b1 = addQuads(b1, w1, x4);
    b2 = addQuads(b2, w2, x4);
    b3 = addQuads(b3, w3, x4);
    b4 = addQuads(b4, w4, x4);
    x4 = v128.load32_splat(y);
    c1 = addQuads(c1, w1, x4);
    c2 = addQuads(c2, w2, x4);
    c3 = addQuads(c3, w3, x4);
    c4 = addQuads(c4, w4, x4);
    x4 = v128.load32_splat(y + inputs);
    d1 = addQuads(d1, w1, x4);
    d2 = addQuads(d2, w2, x4);
    d3 = addQuads(d3, w3, x4);
    d4 = addQuads(d4, w4, x4);
  }
  store2(out, a1, a2);
  store2(out + half, a3, a4);
  out += stride;
  store2(out, b1, b2);
  store2(out + half, b3, b4);
  out += stride;
  store2(out, c1, c2);
  store2(out + half, c3, c4);
  out += stride;
  store2(out, d1, d2);
  store2(out + half, d3, d4);
}

/** `quads2` of six rows: V8 joins the vectors, and then they are in all of its 15 registers. */
function quads6(
  near: usize,
  far: usize,
  x: usize,
  inputs: i32,
  starts: usize,
  half: i32,
  out: usize,
  stride: i32,
): void {
  let a1 = v128.load(starts);
  let a2 = v128.load(starts, 16);
  let a3 = v128.load(starts + half);
  let a4 = v128.load(starts + half, 16);
  let b1 = a1;
  let b2 = a2;
  let b3 = a3;
  let b4 = a4;
  let c1 = a1;
  let c2 = a2;
  let c3 = a3;
  let c4 = a4;
  let d1 = a1;
  let d2 = a2;
  let d3 = a3;
  let d4 = a4;
  let e1 = a1;
  let e2 = a2;
  let e3 = a3;
  let e4 = a4;
  let f1 = a1;
  let f2 = a2;
  let f3 = a3;
  let f4 = a4;
  let y = x + 2 * inputs;
  let z = y + 2 * inputs;
  for (let end = x + inputs; x < end; x += 4, y += 4, z += 4, near += 32, far += 32) {
    const w1 = v128.load(near);
    const w2 = v128.load(near, 16);
    const w3 = v128.load(far);
    const w4 = v128.load(far, 16);
    let x4 = v128.load32_splat(x);
    a1 = addQuads(a1, w1, x4);
    a2 = addQuads(a2, w2, x4);
    a3 = addQuads(a3, w3, x4);
    a4 = addQuads(a4, w4, x4);
    x4 = v128.load32_splat(x + inputs);
    b1 = addQuads(b1, w1, x4);
    b2 = addQuads(b2, w2, x4);
    b3 = addQuads(b3, w3, x4);
    b4 = addQuads(b4, w4, x4);
    x4 = v128.load32_splat(y);
    c1 = addQuads(c1, w1, x4);
    c2 = addQuads(c2, w2, x4);
    c3 = addQuads(c3, w3, x4);
    c4 = addQuads(c4, w4, x4);
    x4 = v128.load32_splat(y + inputs);
    d1 = addQuads(d1, w1, x4);
    d2 = addQuads(d2, w2, x4);
    d3 = addQuads(d3, w3, x4);
    d4 = addQuads(d4, w4, x4);
    x4 = v128.load32_splat(z);
    e1 = addQuads(e1, w1, x4);
    e2 = addQuads(e2, w2, x4);
    e3 = addQuads(e3, w3, x4);
    e4 = addQuads(e4, w4, x4);
    x4 = v128.load32_splat(z + inputs);
    f1 = addQuads(f1, w1, x4);
    f2 = addQuads(f2, w2, x4);
    f3 = addQuads(f3, w3, x4);
    f4 = addQuads(f4, w4, x4);
  }
  store2(out, a1, a2);
  store2(out + half, a3, a4);
  out += stride;
  store2(out, b1, b2);
  store2(out + half, b3, b4);
  out += stride;
  store2(out, c1, c2);
  store2(out + half, c3, c4);
  out += stride;
  store2(out, d1, d2);
  store2(out + half, d3, d4);
  out += stride;
  store2(out, e1, e2);
  store2(out + half, e3, e4);
  out += stride;
  store2(out, f1, f2);
  store2(out + half, f3, f4);
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
