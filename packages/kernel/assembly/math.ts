/**
 * e^x, GELU and their helpers on four floats, in a fixed order of operations. Constants lie in memory, because V8 would
 * build a constant of 16 bytes anew in each round of a loop; every instance writes the same bytes when it is made.
 */

const constants: usize = 1024;

function put(index: usize, value: f32): void {
  v128.store(constants + 16 * index, f32x4.splat(value));
}

/** The constant of this number. */
export function c(index: usize): v128 {
  return v128.load(constants + 16 * index);
}

/** Added to a float of size below 2²², it rounds it to a whole number, to even at halves, in the float's low bits. */
const roundingBits: i32 = 0x4b400000;
export const ROUND: usize = 0;
export const ROUND_BITS: usize = 1;
export const ONE: usize = 2;
const HALF: usize = 3;
const LOWEST: usize = 4;
const LOG2_E: usize = 5;
const LN2_HIGH: usize = 6;
const LN2_LOW: usize = 7;
const EXP: usize = 8; // 6 coefficients
const TANH_SCALE: usize = 14;
const TANH_CUBE: usize = 15;
const ERF_SCALE: usize = 16;
const ERF: usize = 17; // 5 coefficients

put(ROUND, 12582912);
v128.store(constants + 16 * ROUND_BITS, i32x4.splat(roundingBits));
put(ONE, 1);
put(HALF, 0.5);
put(LOWEST, -87);
put(LOG2_E, 1.44269504);
put(LN2_HIGH, 0.693359375);
put(LN2_LOW, -2.1219444e-4);
put(EXP, 1.98756915e-4);
put(EXP + 1, 1.3981999507e-3);
put(EXP + 2, 8.3334519073e-3);
put(EXP + 3, 4.1665795894e-2);
put(EXP + 4, 1.6666665459e-1);
put(EXP + 5, 5.0000001201e-1);
put(TANH_SCALE, 1.5957691216); // 2 √(2/π)
put(TANH_CUBE, 0.044715);
put(ERF_SCALE, 0.23164191); // 0.3275911 / √2
put(ERF, 1.061405429);
put(ERF + 1, -1.453152027);
put(ERF + 2, 1.421413741);
put(ERF + 3, -0.284496736);
put(ERF + 4, 0.254829592);

/** Four floats to whole numbers, int32; their size must be below 2²². */
export function round(x: v128): v128 {
  return i32x4.sub(f32x4.add(x, c(ROUND)), c(ROUND_BITS));
}

/** The largest of four floats ≥ 0 by their bits: NaN is larger than infinity, so it is never lost. */
export function largest(sizes: v128): f32 {
  let m = i32x4.max_s(sizes, i8x16.shuffle(sizes, sizes, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  m = i32x4.max_s(m, i8x16.shuffle(m, m, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
  return f32x4.extract_lane(m, 0);
}

export function sum(x: v128): f32 {
  return f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
}

/** x · y + z, rounded twice. */
function mulAdd(x: v128, y: v128, z: v128): v128 {
  return f32x4.add(f32x4.mul(x, y), z);
}

/**
 * Replaces sixteen floats x ≤ top by e^(x − top), with a relative error below 2e-7; by e^-87 for anything below -87.
 * NaN stays NaN. (Cephes, expf.) Each operation waits for the one before, so four vectors go side by side.
 */
export function exp16(p: usize, top: v128): void {
  let k = c(LOWEST);
  const x0 = f32x4.pmax(f32x4.sub(v128.load(p), top), k);
  const x1 = f32x4.pmax(f32x4.sub(v128.load(p, 16), top), k);
  const x2 = f32x4.pmax(f32x4.sub(v128.load(p, 32), top), k);
  const x3 = f32x4.pmax(f32x4.sub(v128.load(p, 48), top), k);
  k = c(LOG2_E);
  const magic = c(ROUND);
  const t0 = mulAdd(x0, k, magic);
  const t1 = mulAdd(x1, k, magic);
  const t2 = mulAdd(x2, k, magic);
  const t3 = mulAdd(x3, k, magic);
  k = c(LN2_HIGH);
  let r0 = f32x4.sub(x0, f32x4.mul(f32x4.sub(t0, magic), k));
  let r1 = f32x4.sub(x1, f32x4.mul(f32x4.sub(t1, magic), k));
  let r2 = f32x4.sub(x2, f32x4.mul(f32x4.sub(t2, magic), k));
  let r3 = f32x4.sub(x3, f32x4.mul(f32x4.sub(t3, magic), k));
  k = c(LN2_LOW);
  r0 = f32x4.sub(r0, f32x4.mul(f32x4.sub(t0, magic), k));
  r1 = f32x4.sub(r1, f32x4.mul(f32x4.sub(t1, magic), k));
  r2 = f32x4.sub(r2, f32x4.mul(f32x4.sub(t2, magic), k));
  r3 = f32x4.sub(r3, f32x4.mul(f32x4.sub(t3, magic), k));
  k = c(EXP);
  let y0 = k;
  let y1 = k;
  let y2 = k;
  let y3 = k;
  for (let term: usize = EXP + 1; term < EXP + 6; term++) {
    k = c(term);
    y0 = mulAdd(y0, r0, k);
    y1 = mulAdd(y1, r1, k);
    y2 = mulAdd(y2, r2, k);
    y3 = mulAdd(y3, r3, k);
  }
  k = c(ONE);
  y0 = f32x4.add(mulAdd(f32x4.mul(y0, r0), r0, r0), k);
  y1 = f32x4.add(mulAdd(f32x4.mul(y1, r1), r1, r1), k);
  y2 = f32x4.add(mulAdd(f32x4.mul(y2, r2), r2, r2), k);
  y3 = f32x4.add(mulAdd(f32x4.mul(y3, r3), r3, r3), k);
  k = c(ROUND_BITS);
  v128.store(p, i32x4.add(y0, i32x4.shl(i32x4.sub(t0, k), 23)));
  v128.store(p, i32x4.add(y1, i32x4.shl(i32x4.sub(t1, k), 23)), 16);
  v128.store(p, i32x4.add(y2, i32x4.shl(i32x4.sub(t2, k), 23)), 32);
  v128.store(p, i32x4.add(y3, i32x4.shl(i32x4.sub(t3, k), 23)), 48);
}

/**
 * Replaces sixteen floats by x · (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2 = x / (1 + e^-2u), by e to a power that is
 * not positive. The 64 bytes at `e` are scratch.
 */
export function geluTanh16(p: usize, e: usize): void {
  for (let i = 0; i < 64; i += 16) {
    const x = v128.load(p + i);
    const u = f32x4.mul(f32x4.mul(x, c(TANH_SCALE)), f32x4.add(c(ONE), f32x4.mul(c(TANH_CUBE), f32x4.mul(x, x))));
    v128.store(e + i, f32x4.neg(f32x4.abs(u)));
  }
  exp16(e, f32x4.splat(0));
  for (let i = 0; i < 64; i += 16) {
    const x = v128.load(p + i);
    const y = v128.load(e + i);
    // x has the sign of u.
    const numerator = f32x4.mul(x, v128.bitselect(c(ONE), y, f32x4.gt(x, i32x4.splat(0))));
    v128.store(p + i, f32x4.div(numerator, f32x4.add(c(ONE), y)));
  }
}

/**
 * Replaces sixteen floats by x · (1 + erf(x / √2)) / 2, with an error of erf below 2e-7. (Abramowitz and Stegun,
 * 7.1.26.) The 64 bytes at `e` are scratch.
 */
export function geluErf16(p: usize, e: usize): void {
  for (let i = 0; i < 64; i += 16) {
    const x = v128.load(p + i);
    v128.store(e + i, f32x4.neg(f32x4.mul(f32x4.mul(x, x), c(HALF))));
  }
  exp16(e, f32x4.splat(0));
  for (let i = 0; i < 64; i += 16) {
    const x = v128.load(p + i);
    const t = f32x4.div(c(ONE), mulAdd(f32x4.abs(x), c(ERF_SCALE), c(ONE)));
    let y = mulAdd(t, c(ERF), c(ERF + 1));
    y = mulAdd(y, t, c(ERF + 2));
    y = mulAdd(y, t, c(ERF + 3));
    y = mulAdd(y, t, c(ERF + 4));
    const tail = f32x4.mul(f32x4.mul(y, t), v128.load(e + i));
    const half = f32x4.mul(x, f32x4.mul(tail, c(HALF)));
    v128.store(p + i, v128.bitselect(f32x4.sub(x, half), half, f32x4.gt(x, i32x4.splat(0))));
  }
}
