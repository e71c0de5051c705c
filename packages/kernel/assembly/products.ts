/** Exact sums of products of whole numbers, by pairs of inputs: a matrix is [K / 2][16][2] int8. */

/**
 * Weights [M / 16][K / 2][16][2] int8, x16 [rows, K] int16, sums [rows, 16 · blocks] int32. Each block of 16 columns is
 * read from memory once, and serves all rows.
 */
export function multiply(weights: usize, inputs: i32, blocks: i32, x16: usize, rows: i32, sums: usize): void {
  const stride = 64 * blocks;
  if (rows === 1) {
    // Two streams of weights that lie far apart are read from memory faster than one.
    const half = blocks >> 1;
    for (let block = 0; block < half; block++, weights += 16 * inputs, sums += 64) {
      multiply1Twice(weights, weights + 16 * inputs * half, x16, inputs, sums, sums + 64 * half);
    }
    if (blocks & 1) multiply1(weights + 16 * inputs * half, x16, inputs, sums + 64 * half);
    return;
  }
  for (let block = 0; block < blocks; block++, weights += 16 * inputs) {
    let x = x16;
    let out = sums + 64 * block;
    let left = rows;
    for (; left >= 2; left -= 2, x += 4 * inputs, out += 2 * stride) {
      multiply2(weights, x, x + 2 * inputs, inputs, out, stride);
    }
    if (left === 1) multiply1(weights, x, inputs, out);
  }
}

/** Weights [M / 16][K / 2][16][2] int8 → the rows of the inputs from ≤ input < to: out [to − from, M] int8. */
export function unpack(weights: usize, inputs: i32, blocks: i32, from: i32, to: i32, out: usize): void {
  const stride = 16 * blocks;
  for (let block = 0; block < blocks; block++, out += 16) {
    let place = weights + 16 * (inputs * block + from);
    let row = out;
    for (let input = from; input < to; input += 2, place += 32, row += 2 * stride) {
      const first = v128.load(place);
      const second = v128.load(place, 16);
      v128.store(row, v128.shuffle<i8>(first, second, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30));
      v128.store(
        row + stride,
        v128.shuffle<i8>(first, second, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31),
      );
    }
  }
}

/** Multiplies a matrix with one row x [K] int16 to out [16] int32. */
export function multiply1(matrix: usize, x: usize, inputs: i32, out: usize): void {
  let a = i32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  for (let end = x + 2 * inputs; x < end; x += 4, matrix += 32) {
    const pair = v128.load32_splat(x);
    a = add(a, v128.load8x8_s(matrix), pair);
    b = add(b, v128.load8x8_s(matrix, 8), pair);
    c = add(c, v128.load8x8_s(matrix, 16), pair);
    d = add(d, v128.load8x8_s(matrix, 24), pair);
  }
  store4(out, a, b, c, d);
}

/** `multiply1` of two matrices at once. */
function multiply1Twice(matrix: usize, other: usize, x: usize, inputs: i32, out: usize, otherOut: usize): void {
  let a = i32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let e = a;
  let f = a;
  let g = a;
  let h = a;
  for (let end = x + 2 * inputs; x < end; x += 4, matrix += 32, other += 32) {
    const pair = v128.load32_splat(x);
    a = add(a, v128.load8x8_s(matrix), pair);
    b = add(b, v128.load8x8_s(matrix, 8), pair);
    c = add(c, v128.load8x8_s(matrix, 16), pair);
    d = add(d, v128.load8x8_s(matrix, 24), pair);
    e = add(e, v128.load8x8_s(other), pair);
    f = add(f, v128.load8x8_s(other, 8), pair);
    g = add(g, v128.load8x8_s(other, 16), pair);
    h = add(h, v128.load8x8_s(other, 24), pair);
  }
  store4(out, a, b, c, d);
  store4(otherOut, e, f, g, h);
}

/** Multiplies a matrix with two rows x and y [K] int16 to out [16] int32 and `stride` bytes behind it. */
export function multiply2(weights: usize, x: usize, y: usize, inputs: i32, out: usize, stride: i32): void {
  let a = i32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let e = a;
  let f = a;
  let g = a;
  let h = a;
  for (let end = x + 2 * inputs; x < end; x += 4, y += 4, weights += 32) {
    const pair = v128.load32_splat(x);
    const pair2 = v128.load32_splat(y);
    let w = v128.load8x8_s(weights);
    a = add(a, w, pair);
    e = add(e, w, pair2);
    w = v128.load8x8_s(weights, 8);
    b = add(b, w, pair);
    f = add(f, w, pair2);
    w = v128.load8x8_s(weights, 16);
    c = add(c, w, pair);
    g = add(g, w, pair2);
    w = v128.load8x8_s(weights, 24);
    d = add(d, w, pair);
    h = add(h, w, pair2);
  }
  store4(out, a, b, c, d);
  store4(out + stride, e, f, g, h);
}

/** Adds the products of 4 columns and 2 inputs. */
function add(sums: v128, weights: v128, pair: v128): v128 {
  return i32x4.add(sums, i32x4.dot_i16x8_s(weights, pair));
}

export function store2(out: usize, a: v128, b: v128): void {
  v128.store(out, a);
  v128.store(out, b, 16);
}

export function store4(out: usize, a: v128, b: v128, c: v128, d: v128): void {
  v128.store(out, a);
  v128.store(out, b, 16);
  v128.store(out, c, 32);
  v128.store(out, d, 48);
}
