/** Rows of floats between the products. See `src/index.ts` for shapes. */
import { GELU_ERF, GELU_TANH, gelu16, largest, round, sum } from './math';

export function embed(token: usize, position: usize, out: usize, width: i32): void {
  for (let i = 0; i < 4 * width; i += 16) {
    v128.store(out + i, f32x4.add(v128.load(token + i), v128.load(position + i)));
  }
}

export function layerNorm(
  x: usize,
  width: i32,
  from: i32,
  to: i32,
  gain: usize,
  bias: usize,
  epsilon: f32,
  out: usize,
): void {
  const rowBytes = 4 * ((width + 15) & ~15);
  // Padding is left out of the squares; the numbers after the last 8 come one by one.
  const wholeBytes = 4 * (width & ~7);
  for (let row = from; row < to; row++) {
    const begin = x + rowBytes * row;
    const whole = begin + wholeBytes;
    const end = begin + 4 * width;
    let a = f32x4.splat(0),
      b = a;
    for (let p = begin; p < whole; p += 32) {
      a = f32x4.add(a, v128.load(p));
      b = f32x4.add(b, v128.load(p, 16));
    }
    let total = sum(f32x4.add(a, b));
    for (let p = whole; p < end; p += 4) total += load<f32>(p);
    const mean = total / <f32>width;
    const means = f32x4.splat(mean);
    a = f32x4.splat(0);
    b = a;
    for (let p = begin; p < whole; p += 32) {
      const y = f32x4.sub(v128.load(p), means);
      const z = f32x4.sub(v128.load(p, 16), means);
      a = f32x4.add(a, f32x4.mul(y, y));
      b = f32x4.add(b, f32x4.mul(z, z));
    }
    total = sum(f32x4.add(a, b));
    for (let p = whole; p < end; p += 4) {
      const y = load<f32>(p) - mean;
      total += y * y;
    }
    const factor = f32x4.splat(1 / sqrt<f32>(total / <f32>width + epsilon));
    const normed = out + rowBytes * row;
    for (let i = 0; i < rowBytes; i += 16) {
      const y = f32x4.mul(f32x4.sub(v128.load(begin + i), means), factor);
      v128.store(normed + i, f32x4.add(f32x4.mul(y, v128.load(gain + i)), v128.load(bias + i)));
    }
  }
}

/** 1 / scale, or 0 if that is not finite: a row of zeros, or almost, becomes zeros. */
export function inverse(scale: f32): f32 {
  const factor: f32 = 1 / scale;
  return factor < Infinity ? factor : 0;
}

/** The scale with which `size` has so many steps; NaN if it is not finite, so that no product hides it. */
export function scaleOf(size: f32, steps: f32): f32 {
  return size < Infinity ? size / steps : NaN;
}

/** @returns the largest size of so many floats, a multiple of 4; NaN if there is one */
export function largestSize(x: usize, count: i32): f32 {
  let m = i32x4.splat(0);
  for (let end = x + 4 * count; x < end; x += 16) m = i32x4.max_s(m, f32x4.abs(v128.load(x)));
  return largest(m);
}

export function quantize(
  x: usize,
  width: i32,
  from: i32,
  to: i32,
  offset: f32,
  zeroPoint: i32,
  x16: usize,
  x8: usize,
  scales: usize,
): void {
  const isSigned = zeroPoint !== 0;
  // Wide rows get fewer steps, so that a sum of products with weights fits into int32.
  const steps = <f32>min(isSigned ? 127 : 255, i32.MAX_VALUE / (127 * width));
  const up = f32x4.splat(offset);
  const zero = i16x8.splat(<i16>zeroPoint);
  // Rounding may leave a number just below 0 in a row of which all are about −offset.
  const lowest = i16x8.splat(isSigned ? -127 : 0);
  for (let row = from; row < to; row++) {
    const begin = x + 4 * width * row;
    const end = begin + 4 * width;
    let most = i32x4.splat(0);
    for (let p = begin; p < end; p += 16) most = i32x4.max_s(most, f32x4.abs(f32x4.add(v128.load(p), up)));
    const scale = scaleOf(largest(most), steps);
    store<f32>(scales + 4 * row, scale);
    const factor = f32x4.splat(inverse(scale));
    let to16 = x16 + 2 * width * row;
    let to8 = x8 + width * row;
    for (let p = begin; p < end; p += 32) {
      const a = round(f32x4.mul(f32x4.add(v128.load(p), up), factor));
      const b = round(f32x4.mul(f32x4.add(v128.load(p, 16), up), factor));
      const n = i16x8.max_s(i16x8.narrow_i32x4_s(a, b), lowest);
      if (x16) {
        v128.store(to16, n);
        to16 += 16;
      }
      if (x8) {
        const bytes = i16x8.add(n, zero);
        v128.store64_lane(to8, i8x16.narrow_i16x8_u(bytes, bytes), 0);
        to8 += 8;
      }
    }
  }
}

export function finish(
  sums: usize,
  rows: i32,
  columns: i32,
  rowScales: usize,
  columnScales: usize,
  bias: usize,
  out: usize,
  stride: i32,
  ending: i32,
): void {
  for (let row = 0; row < rows; row++) {
    const scale = f32x4.splat(rowScales ? load<f32>(rowScales + 4 * row) : 1);
    const o = out + 4 * stride * row;
    for (let i = 0; i < 4 * columns; i += 32) {
      let y = v128.load(sums + i);
      let z = v128.load(sums + i, 16);
      if (columnScales) {
        y = f32x4.mul(f32x4.convert_i32x4_s(y), v128.load(columnScales + i));
        z = f32x4.mul(f32x4.convert_i32x4_s(z), v128.load(columnScales + i, 16));
      }
      y = f32x4.mul(y, scale);
      z = f32x4.mul(z, scale);
      if (bias) {
        y = f32x4.add(y, v128.load(bias + i));
        z = f32x4.add(z, v128.load(bias + i, 16));
      }
      if (ending === 3) {
        y = f32x4.max(y, i32x4.splat(0));
        z = f32x4.max(z, i32x4.splat(0));
      } else if (ending === 4) {
        y = f32x4.add(y, v128.load(o + i));
        z = f32x4.add(z, v128.load(o + i, 16));
      }
      v128.store(o + i, y);
      v128.store(o + i, z, 16);
    }
    if (ending === 1) for (let i = 0; i < 4 * columns; i += 64) gelu16(o + i, GELU_TANH);
    else if (ending === 2) for (let i = 0; i < 4 * columns; i += 64) gelu16(o + i, GELU_ERF);
    sums += 4 * columns;
  }
}
