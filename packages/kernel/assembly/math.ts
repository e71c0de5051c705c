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
/** The square of the limit, P's six coefficients, the highest first, then Q's. */
export const GELU_TANH: usize = 14;
export const GELU_ERF: usize = 27;

put(ROUND, 12582912);
v128.store(constants + 16 * ROUND_BITS, i32x4.splat(roundingBits));
put(ONE, 1);
put(HALF, 0.5);
put(LOWEST, -64);
put(LOG2_E, 1.44269504);
put(LN2_HIGH, 0.693359375);
put(LN2_LOW, -2.1219444e-4);
put(EXP, 1.98756915e-4);
put(EXP + 1, 1.3981999507e-3);
put(EXP + 2, 8.3334519073e-3);
put(EXP + 3, 4.1665795894e-2);
put(EXP + 4, 1.6666665459e-1);
put(EXP + 5, 5.0000001201e-1);
// tanh(√(2/π) (x + 0.044715 x³)) / 2 for |x| ≤ 5, by least squares, reweighted until the largest errors are equal.
put(GELU_TANH, 25);
put(GELU_TANH + 1, 2.49959659e-8);
put(GELU_TANH + 2, 7.10297411e-6);
put(GELU_TANH + 3, 0.000128615484);
put(GELU_TANH + 4, 0.00360707232);
put(GELU_TANH + 5, 0.0297411663);
put(GELU_TANH + 6, 0.398942438);
put(GELU_TANH + 7, 1.34784393e-6);
put(GELU_TANH + 8, 7.46303877e-5);
put(GELU_TANH + 9, 0.00127241547);
put(GELU_TANH + 10, 0.0240071779);
put(GELU_TANH + 11, 0.242043548);
put(GELU_TANH + 12, 1);
// erf(x / √2) / 2 for |x| ≤ 5.4, in the same way.
put(GELU_ERF, 29.16);
put(GELU_ERF + 1, 2.2776674e-8);
put(GELU_ERF + 2, 6.49038108e-6);
put(GELU_ERF + 3, 0.000176267545);
put(GELU_ERF + 4, 0.00472240793);
put(GELU_ERF + 5, 0.0344922292);
put(GELU_ERF + 6, 0.398942054);
put(GELU_ERF + 7, 1.20865405e-6);
put(GELU_ERF + 8, 7.65106099e-5);
put(GELU_ERF + 9, 0.00192549927);
put(GELU_ERF + 10, 0.0290279837);
put(GELU_ERF + 11, 0.25312348);
put(GELU_ERF + 12, 1);

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
 * Replaces sixteen floats x ≤ top by e^(x − top), with a relative error below 2e-7; by e^-64 for anything below -64.
 * That is nothing beside the 1 of the top, and its products are not subnormal, which would be slow. NaN stays NaN.
 * (Cephes, expf.) Each operation waits for the one before, so four vectors go side by side.
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
 * Replaces sixteen floats x by x · (½ + r(x)). For GELU r is half of an erf or of a tanh. The table has the fraction
 * x · P(x²) / Q(x²), which differs from r by less than 2e-8. With roundings the result's error is below 2.5e-7 · |x|.
 * Beyond the table's limit r is ±½. NaN stays NaN.
 */
export function gelu16(p: usize, table: usize): void {
  const x0 = v128.load(p);
  const x1 = v128.load(p, 16);
  const x2 = v128.load(p, 32);
  const x3 = v128.load(p, 48);
  let k = c(table);
  const s0 = f32x4.pmin(k, f32x4.mul(x0, x0));
  const s1 = f32x4.pmin(k, f32x4.mul(x1, x1));
  const s2 = f32x4.pmin(k, f32x4.mul(x2, x2));
  const s3 = f32x4.pmin(k, f32x4.mul(x3, x3));
  k = c(table + 1);
  let y0 = k;
  let y1 = k;
  let y2 = k;
  let y3 = k;
  for (let term = table + 2; term < table + 7; term++) {
    k = c(term);
    y0 = mulAdd(y0, s0, k);
    y1 = mulAdd(y1, s1, k);
    y2 = mulAdd(y2, s2, k);
    y3 = mulAdd(y3, s3, k);
  }
  k = c(table + 7);
  let z0 = k;
  let z1 = k;
  let z2 = k;
  let z3 = k;
  for (let term = table + 8; term < table + 13; term++) {
    k = c(term);
    z0 = mulAdd(z0, s0, k);
    z1 = mulAdd(z1, s1, k);
    z2 = mulAdd(z2, s2, k);
    z3 = mulAdd(z3, s3, k);
  }
  v128.store(p, geluOf(v128.load(p), y0, z0));
  v128.store(p, geluOf(v128.load(p, 16), y1, z1), 16);
  v128.store(p, geluOf(v128.load(p, 32), y2, z2), 32);
  v128.store(p, geluOf(v128.load(p, 48), y3, z3), 48);
}

/** x · (½ + x · y / z), where the size of the fraction is ½ at most. */
function geluOf(x: v128, y: v128, z: v128): v128 {
  const half = c(HALF);
  const r = f32x4.pmin(f32x4.div(f32x4.mul(x, y), z), half);
  return f32x4.mul(x, f32x4.add(f32x4.pmax(r, f32x4.neg(half)), half));
}
