/**
 * Keys and values in int8 with a scale for each position and head. A page has keys [H] × ([64] scales,
 * [4][D / 2][16][2] int8), then values [H] × ([64] scales, [D / 16][32][16][2] int8). By quads the keys are
 * [4][D / 4][16][4] uint8 and the values [D / 16][16][16][4] uint8, the numbers + 128. All sums of products are whole
 * numbers.
 */
import { firstLanes, largestLane, pageAt, pageSize, writeContext } from './attention';
import { inverse, largestSize, scaleOf } from './rows';
import { exp16, largest, round } from './math';
import { multiply1, multiply2 } from './products';
import { multiplyHalves1, multiplyHalves2 } from './quads';

/** Whether products are by quads. It is set before the first page is written, where `hasQuads` is true. */
export let byQuads: bool = false;

/** The largest factor of `multiply`. The two bytes of 32,639 are 127 and 127; those of larger numbers do not fit. */
const maxFactor: f32 = 32639;

/** Bytes of one head's scales, which lie before its keys or values in a page. */
const scaleBytes: i32 = 4 * pageSize;

/** Bytes of one head's scales and keys in a page, and of its scales and values. */
function partBytes(width: i32): i32 {
  return scaleBytes + pageSize * width;
}

/** Bytes of a row of factors for `multiply`, see `quantizeFactors`. */
function factorBytes(count: i32): i32 {
  return 2 * count + 16;
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
  const part = partBytes(width);
  let keyPlace = page + part * from;
  let valuePlace = page + part * (heads + from);
  for (let head = from; head < to; head++, keyPlace += part, valuePlace += part) {
    store<f32>(keyPlace + 4 * place, quantizeRow(keys, width, 127, scratch));
    if (byQuads) storeKeyQuads(scratch, width, keyPlace + scaleBytes, place);
    else storeKeyPairs(scratch, width, keyPlace + scaleBytes, place);
    store<f32>(valuePlace + 4 * place, quantizeRow(values, width, 127, scratch));
    if (byQuads) storeValueQuads(scratch, width, valuePlace + scaleBytes, place);
    else storeValuePairs(scratch, width, valuePlace + scaleBytes, place);
    keys += 4 * width;
    values += 4 * width;
  }
}

/** Stores one position's numbers x [D] int16, which fit into int8, among the keys of its head. */
function storeKeyPairs(x: usize, width: i32, keys: usize, place: i32): void {
  let at = keys + 16 * width * (place >> 4) + 2 * (place & 15);
  for (let end = x + 2 * width; x < end; x += 32, at += 256) {
    const pairs = i8x16.narrow_i16x8_s(v128.load(x), v128.load(x, 16));
    v128.store16_lane(at, pairs, 0);
    v128.store16_lane(at, pairs, 1, 32);
    v128.store16_lane(at, pairs, 2, 64);
    v128.store16_lane(at, pairs, 3, 96);
    v128.store16_lane(at, pairs, 4, 128);
    v128.store16_lane(at, pairs, 5, 160);
    v128.store16_lane(at, pairs, 6, 192);
    v128.store16_lane(at, pairs, 7, 224);
  }
}

/** Like `storeKeyPairs`. */
function storeKeyQuads(x: usize, width: i32, keys: usize, place: i32): void {
  let at = keys + 16 * width * (place >> 4) + 4 * (place & 15);
  for (let end = x + 2 * width; x < end; x += 32, at += 256) {
    const numbers = i8x16.narrow_i16x8_s(v128.load(x), v128.load(x, 16));
    const quads = v128.xor(numbers, i8x16.splat(<i8>0x80));
    v128.store32_lane(at, quads, 0);
    v128.store32_lane(at, quads, 1, 64);
    v128.store32_lane(at, quads, 2, 128);
    v128.store32_lane(at, quads, 3, 192);
  }
}

/** Stores one position's numbers x [D] int16, which fit into int8, among the values of its head. */
function storeValuePairs(x: usize, width: i32, values: usize, place: i32): void {
  let at = values + 32 * (place >> 1);
  const shift = 8 * (place & 1);
  // One of each two bytes belongs to the other position of the pair.
  const keep = i16x8.splat(place & 1 ? 0x00ff : <i16>0xff00);
  for (let end = x + 2 * width; x < end; x += 32, at += 16 * pageSize) {
    const left = i16x8.shl(v128.and(v128.load(x), i16x8.splat(0xff)), shift);
    const right = i16x8.shl(v128.and(v128.load(x, 16), i16x8.splat(0xff)), shift);
    v128.store(at, v128.or(v128.and(v128.load(at), keep), left));
    v128.store(at, v128.or(v128.and(v128.load(at, 16), keep), right), 16);
  }
}

/** Like `storeValuePairs`. */
function storeValueQuads(x: usize, width: i32, values: usize, place: i32): void {
  let at = values + 64 * (place >> 2);
  const shift = 8 * (place & 3);
  const own = i32x4.shl(i32x4.splat(0xff), shift);
  for (let end = x + 2 * width; x < end; x += 32, at += 16 * pageSize) {
    for (let i = 0; i < 64; i += 16) {
      const shifted = i32x4.shl(i32x4.add(v128.load16x4_s(x + i / 2), i32x4.splat(128)), shift);
      v128.store(at + i, v128.bitselect(shifted, v128.load(at + i), own));
    }
  }
}

/** A lane is one head of one row; the rows of a head lie together. */
export function attendInt8(
  pages: usize,
  length: i32,
  heads: i32,
  width: i32,
  from: i32,
  to: i32,
  rows: i32,
  queries: usize,
  queryStep: i32,
  out: usize,
  outStep: i32,
  scratch: usize,
): void {
  const part = partBytes(width);
  const queryBytes = factorBytes(width);
  const shareBytes = factorBytes(pageSize);
  const own = to - from;
  const lanes = own * rows;
  const longest = length + rows - 1;
  const count = (longest + 15) & ~15;
  const scores = scratch;
  const contexts = scores + 4 * count * lanes;
  const totals = contexts + 4 * width * lanes;
  const tops = totals + 16 * lanes;
  const queryScales = tops + 16 * lanes;
  const products = queryScales + 16 * lanes;
  const whole = products + 4 * width * rows;
  const shares = whole + queryBytes * lanes;
  // Queries of wide heads get fewer steps, so that a sum of products with keys fits into int32.
  const steps = <f32>min(<i32>maxFactor, i32.MAX_VALUE / (127 * width));
  for (let lane = 0; lane < lanes; lane++) {
    const query = queries + queryStep * (lane % rows) + 4 * width * (lane / rows);
    const scale = scaleOf(largestSize(query, width), steps);
    quantizeFactors(scale, query, width, whole + queryBytes * lane, width);
    v128.store(queryScales + 16 * lane, f32x4.splat(scale));
    v128.store(tops + 16 * lane, f32x4.splat(-Infinity));
  }
  for (let t = 0; t < count; t += pageSize) {
    let keys = pageAt(pages, t / pageSize) + part * from;
    const end = min(count - t, pageSize);
    for (let lane = 0; lane < lanes; lane += rows, keys += part) {
      const query = whole + queryBytes * lane;
      for (let p = 0; p < end; p += 16) {
        const score = scores + 4 * (count * lane + t + p);
        multiply(keys + scaleBytes + width * p, query, queryBytes, width, rows, score, 4 * count);
        for (let row = 0; row < rows; row++) {
          const at = 16 * (lane + row);
          const used = length + row - t - p;
          scaleScores(score + 4 * count * row, keys + 4 * p, v128.load(queryScales + at), used, tops + at);
        }
      }
    }
  }
  for (let top = tops; top < queryScales; top += 16) v128.store(top, f32x4.splat(largestLane(v128.load(top))));
  memory.fill(contexts, 0, tops - contexts);
  for (let t = 0; t < count; t += pageSize) {
    let values = pageAt(pages, t / pageSize) + part * (heads + from);
    const end = min(longest - t, pageSize);
    for (let lane = 0; lane < lanes; lane += rows, values += part) {
      for (let row = 0; row < rows; row++) {
        const at = 16 * (lane + row);
        const weights = scores + 4 * (count * (lane + row) + t);
        const used = min(length + row - t, pageSize);
        const scale = weigh(weights, values, used, tops + at, totals + at, shares + shareBytes * row);
        // The place of the query's scale, which is no longer needed.
        v128.store(queryScales + at, f32x4.splat(scale));
      }
      for (let d = 0; d < width; d += 16) {
        const column = values + scaleBytes + pageSize * d;
        multiply(column, shares, shareBytes, end, rows, products + 4 * d, 4 * width);
      }
      for (let row = 0; row < rows; row++) {
        const scale = v128.load(queryScales + 16 * (lane + row));
        const context = contexts + 4 * width * (lane + row);
        const product = products + 4 * width * row;
        for (let d = 0; d < 4 * width; d += 16) {
          const y = f32x4.mul(f32x4.convert_i32x4_s(v128.load(product + d)), scale);
          v128.store(context + d, f32x4.add(v128.load(context + d), y));
        }
      }
    }
  }
  for (let lane = 0; lane < lanes; lane++) {
    const place = out + outStep * (lane % rows) + 4 * width * (lane / rows);
    writeContext(contexts + 4 * width * lane, v128.load(totals + 16 * lane), width, place);
  }
}

/** Multiplies a matrix with one or two rows x. `xStep` and `step` are the bytes between rows of x and of out. */
function multiply(matrix: usize, x: usize, xStep: i32, inputs: i32, rows: i32, out: usize, step: i32): void {
  if (byQuads) {
    const low = (xStep - 16) >> 1;
    if (rows === 2) multiplyHalves2(matrix, x, xStep, low, inputs, out, step);
    else multiplyHalves1(matrix, x, low, inputs, out);
  } else if (rows === 2) multiply2(matrix, x, x + xStep, inputs, out, step);
  else multiply1(matrix, x, inputs, out);
}

/**
 * Replaces 16 sums of products by scores, and by −∞ from the place `used` on. Each of the four floats at `top` becomes
 * the largest of its lane so far.
 */
function scaleScores(sums: usize, keyScales: usize, scale: v128, used: i32, top: usize): void {
  let most = v128.load(top);
  for (let i = 0; i < 16; i += 4) {
    const factor = f32x4.mul(scale, v128.load(keyScales + 4 * i));
    let score = f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums + 4 * i)), factor);
    if (used < 16) score = v128.bitselect(score, f32x4.splat(-Infinity), firstLanes(used - i));
    v128.store(sums + 4 * i, score);
    most = f32x4.pmax(most, score);
  }
  v128.store(top, most);
}

/** Quantizes x [count] to int16 of at most `steps`. @returns the scale */
function quantizeRow(x: usize, count: i32, steps: f32, to: usize): f32 {
  return quantizeWith(scaleOf(largestSize(x, count), steps), x, count, to);
}

function quantizeWith(scale: f32, x: usize, count: i32, to: usize): f32 {
  const factor = f32x4.splat(inverse(scale));
  for (let end = x + 4 * count; x < end; x += 32, to += 16) {
    const a = round(f32x4.mul(v128.load(x), factor));
    const b = round(f32x4.mul(v128.load(x, 16), factor));
    v128.store(to, i16x8.narrow_i32x4_s(a, b));
  }
  return scale;
}

/**
 * Quantizes x [count] to the factors of `multiply`: int16, or by quads the upper bytes [room] and the lower ones
 * [room], both int8, and four times −128 · the sum of the factors, int32.
 */
function quantizeFactors(scale: f32, x: usize, count: i32, to: usize, room: i32): void {
  if (!byQuads) {
    quantizeWith(scale, x, count, to);
    return;
  }
  const factor = f32x4.splat(inverse(scale));
  const half = i16x8.splat(128);
  const byte = i16x8.splat(0xff);
  const start = to + 2 * room;
  let sums = i32x4.splat(0);
  for (let end = x + 4 * count; x < end; x += 64, to += 16) {
    const a = round(f32x4.mul(v128.load(x), factor));
    const b = round(f32x4.mul(v128.load(x, 16), factor));
    const c = round(f32x4.mul(v128.load(x, 32), factor));
    const d = round(f32x4.mul(v128.load(x, 48), factor));
    sums = i32x4.sub(sums, i32x4.add(i32x4.add(a, b), i32x4.add(c, d)));
    const ab = i16x8.narrow_i32x4_s(a, b);
    const cd = i16x8.narrow_i32x4_s(c, d);
    const upper = i16x8.shr_s(i16x8.add(ab, half), 8);
    const upper2 = i16x8.shr_s(i16x8.add(cd, half), 8);
    v128.store(to, i8x16.narrow_i16x8_s(upper, upper2));
    v128.store(to + room, i8x16.narrow_i16x8_u(v128.and(ab, byte), v128.and(cd, byte)));
  }
  sums = i32x4.add(sums, v128.shuffle<i32>(sums, sums, 2, 3, 0, 1));
  sums = i32x4.add(sums, v128.shuffle<i32>(sums, sums, 1, 0, 3, 2));
  v128.store(start, i32x4.shl(sums, 7));
}

/**
 * Replaces the scores of a page's positions by their exponentials, and adds these to the four floats at `total`. Their
 * products with the scales of the values are quantized to int16 in `shares`; behind the used positions they are 0.
 * @returns the scale
 */
function weigh(scores: usize, valueScales: usize, used: i32, top: usize, total: usize, shares: usize): f32 {
  const count = (used + 15) & ~15;
  let sums = v128.load(total);
  let sizes = i32x4.splat(0);
  for (let p = 0; p < count; p += 16) {
    const at = scores + 4 * p;
    exp16(at, v128.load(top));
    for (let i = 0; i < 16; i += 4) {
      const share = v128.load(at + 4 * i);
      let scale = v128.load(valueScales + 4 * (p + i));
      sums = f32x4.add(sums, share);
      if (used - p < 16) scale = v128.and(scale, firstLanes(used - p - i));
      const weight = f32x4.mul(share, scale);
      v128.store(at + 4 * i, weight);
      sizes = i32x4.max_s(sizes, f32x4.abs(weight));
    }
  }
  v128.store(total, sums);
  const scale = scaleOf(largest(sizes), maxFactor);
  quantizeFactors(scale, scores, count, shares, pageSize);
  return scale;
}
