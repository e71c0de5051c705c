/**
 * Keys and values in int8 with a scale for each position and head. A page has keys [H] × ([64] scales and
 * [4][P / 2][16][2] int8), then values [H] × ([64] scales and [P / 16][32][16][2] int8). All sums of products are whole
 * numbers.
 */
import { exponentials, paddedTo16, padRow, pageAt, pageSize, writeContexts } from './attention';
import { inverse, largestSize, scaleOf } from './rows';
import { round } from './math';
import { multiply1 } from './products';

/** Bytes of one head's scales, which lie before its keys or values in a page. */
const scaleBytes: i32 = 4 * pageSize;

/** Bytes of one head's scales and keys, or values, in a page. */
function partBytes(padded: i32): i32 {
  return scaleBytes + pageSize * padded;
}

export function appendInt8(
  page: usize,
  place: i32,
  heads: i32,
  width: i32,
  from: i32,
  to: i32,
  keys: usize,
  values: usize,
  scratch: usize,
): void {
  const padded = paddedTo16(width);
  const part = partBytes(padded);
  const whole = scratch + 4 * padded;
  const end = whole + 2 * padded;
  const shift = 8 * (place & 1);
  const keep = i16x8.splat(place & 1 ? 0x00ff : <i16>0xff00);
  for (let head = from; head < to; head++, keys += 4 * width, values += 4 * width) {
    const keyPart = page + part * head;
    store<f32>(keyPart + 4 * place, quantizeRow(padRow(keys, width, scratch), padded, 127, whole));
    let at = keyPart + scaleBytes + 16 * padded * (place >> 4) + 2 * (place & 15);
    for (let p = whole; p < end; p += 32, at += 256) {
      const pairs = i8x16.narrow_i16x8_s(v128.load(p), v128.load(p, 16));
      v128.store16_lane(at, pairs, 0);
      v128.store16_lane(at, pairs, 1, 32);
      v128.store16_lane(at, pairs, 2, 64);
      v128.store16_lane(at, pairs, 3, 96);
      v128.store16_lane(at, pairs, 4, 128);
      v128.store16_lane(at, pairs, 5, 160);
      v128.store16_lane(at, pairs, 6, 192);
      v128.store16_lane(at, pairs, 7, 224);
    }
    const valuePart = keyPart + part * heads;
    const scale = quantizeRow(padRow(values, width, scratch), padded, 127, whole);
    store<f32>(valuePart + 4 * place, scale);
    at = valuePart + scaleBytes + 32 * (place >> 1);
    // Of each two bytes one belongs to the other position of the pair.
    for (let p = whole; p < end; p += 32, at += 16 * pageSize) {
      const left = i16x8.shl(v128.and(v128.load(p), i16x8.splat(0xff)), shift);
      const right = i16x8.shl(v128.and(v128.load(p, 16), i16x8.splat(0xff)), shift);
      v128.store(at, v128.or(v128.and(v128.load(at), keep), left));
      v128.store(at, v128.or(v128.and(v128.load(at, 16), keep), right), 16);
    }
  }
}

export function attendInt8(
  pages: usize,
  length: i32,
  heads: i32,
  width: i32,
  from: i32,
  to: i32,
  queries: usize,
  out: usize,
  scratch: usize,
): void {
  const padded = paddedTo16(width);
  const part = partBytes(padded);
  const own = to - from;
  const count = (length + pageSize - 1) & -pageSize;
  const scores = scratch;
  const contexts = scores + 4 * count * own;
  const products = contexts + 4 * padded * own;
  const shares = products + 4 * padded;
  const rows = shares + 2 * pageSize;
  const queryScales = rows + 2 * padded * own;
  const totals = queryScales + 4 * own;
  for (let i = 0; i < own; i++) {
    const query = padRow(queries + 4 * width * i, width, contexts);
    store<f32>(queryScales + 4 * i, quantizeRow(query, padded, 32767, rows + 2 * padded * i));
  }
  for (let t = 0; t < count; t += pageSize) {
    let keys = pageAt(pages, t / pageSize) + part * from;
    const used = min(length - t, pageSize);
    for (let i = 0; i < own; i++, keys += part) {
      const row = rows + 2 * padded * i;
      const scale = v128.load32_splat(queryScales + 4 * i);
      for (let p = 0; p < used; p += 16) {
        const score = scores + 4 * (count * i + t + p);
        multiply1(keys + scaleBytes + padded * p, row, padded, score);
        for (let j = 0; j < 64; j += 16) {
          const factor = f32x4.mul(scale, v128.load(keys + 4 * p + j));
          v128.store(score + j, f32x4.mul(f32x4.convert_i32x4_s(v128.load(score + j)), factor));
        }
      }
    }
  }
  exponentials(scores, own, length, count, totals);
  memory.fill(contexts, 0, 4 * padded * own);
  for (let t = 0; t < count; t += pageSize) {
    let values = pageAt(pages, t / pageSize) + part * (heads + from);
    const used = min(length - t, pageSize);
    for (let i = 0; i < own; i++, values += part) {
      const weights = scores + 4 * (count * i + t);
      const scale = f32x4.splat(weigh(weights, values, used, shares));
      const context = contexts + 4 * padded * i;
      for (let d = 0; d < padded; d += 16)
        multiply1(values + scaleBytes + pageSize * d, shares, used, products + 4 * d);
      for (let d = 0; d < 4 * padded; d += 16) {
        const product = f32x4.mul(f32x4.convert_i32x4_s(v128.load(products + d)), scale);
        v128.store(context + d, f32x4.add(v128.load(context + d), product));
      }
    }
  }
  writeContexts(contexts, totals, own, width, out);
}

/** Quantizes x [count] to int16 of at most `steps`. @returns the scale */
function quantizeRow(x: usize, count: i32, steps: f32, to: usize): f32 {
  const scale = scaleOf(largestSize(x, count), steps);
  const factor = f32x4.splat(inverse(scale));
  for (let end = x + 4 * count; x < end; x += 32, to += 16) {
    const a = round(f32x4.mul(v128.load(x), factor));
    const b = round(f32x4.mul(v128.load(x, 16), factor));
    v128.store(to, i16x8.narrow_i32x4_s(a, b));
  }
  return scale;
}

/**
 * Multiplies the exponentials of a page's positions with the scales of their values, and quantizes them to int16 in
 * `shares`. Behind the used positions they are 0. @returns the scale
 */
function weigh(weights: usize, valueScales: usize, used: i32, shares: usize): f32 {
  const count = (used + 15) & ~15;
  for (let p = 0; p < 4 * count; p += 16) {
    v128.store(weights + p, f32x4.mul(v128.load(weights + p), v128.load(valueScales + p)));
  }
  for (let p = used; p < count; p++) store<f32>(weights + 4 * p, 0);
  return quantizeRow(weights, count, 32767, shares);
}
