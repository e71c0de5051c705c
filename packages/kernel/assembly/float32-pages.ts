/** Keys and values in float32. A page has keys [H][4][D][16], then values [H][64][D]. */
import { firstLanes, largestLane, pageAt, pageSize, writeContext } from './attention';
import { exp16 } from './math';

export function appendFloat32(
  page: usize,
  place: i32,
  heads: i32,
  width: i32,
  from: i32,
  to: i32,
  keys: usize,
  values: usize,
  _scratch: usize,
): void {
  const part = 4 * pageSize * width;
  for (let head = from; head < to; head++, keys += 4 * width, values += 4 * width) {
    const at = page + part * head + 64 * width * (place >> 4) + 4 * (place & 15);
    for (let d = 0; d < width; d++) store<f32>(at + 64 * d, load<f32>(keys + 4 * d));
    memory.copy(page + part * (heads + head) + 4 * width * place, values, 4 * width);
  }
}

export function attendFloat32(
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
  for (let row = 0; row < rows; row++, queries += queryStep, out += outStep) {
    attendRow(pages, length + row, heads, width, from, to, queries, out, scratch);
  }
}

function attendRow(
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
  const part = 4 * pageSize * width;
  const own = to - from;
  const count = (length + 15) & ~15;
  const scores = scratch;
  const contexts = scores + 4 * count * own;
  const totals = contexts + 4 * width * own;
  memory.fill(scores, 0, totals - scores);
  for (let t = 0; t < count; t += pageSize) {
    let keys = pageAt(pages, t / pageSize) + part * from;
    const used = min(count - t, pageSize);
    for (let i = 0; i < own; i++, keys += part) {
      const query = queries + 4 * width * i;
      for (let p = 0; p < used; p += 16) {
        addProducts(keys + 4 * width * p, 64, query, width, scores + 4 * (count * i + t + p));
      }
    }
  }
  for (let i = 0; i < own; i++) v128.store(totals + 16 * i, exponentials(scores + 4 * count * i, length));
  for (let t = 0; t < count; t += pageSize) {
    let values = pageAt(pages, t / pageSize) + part * (heads + from);
    const used = min(length - t, pageSize);
    for (let i = 0; i < own; i++, values += part) {
      const weights = scores + 4 * (count * i + t);
      for (let d = 0; d < width; d += 16) {
        addProducts(values + 4 * d, 4 * width, weights, used, contexts + 4 * (width * i + d));
      }
    }
  }
  for (let i = 0; i < own; i++, out += 4 * width) {
    writeContext(contexts + 4 * width * i, v128.load(totals + 16 * i), width, out);
  }
}

/**
 * Replaces scores by e^(score − largest score), and by e^-64 from `length` to the next multiple of 16.
 * @returns four sums of them
 */
function exponentials(scores: usize, length: i32): v128 {
  const end = scores + 4 * ((length + 15) & ~15);
  let top = f32x4.splat(-Infinity);
  for (let p = scores, left = length; p < end; p += 16, left -= 4) {
    const score = v128.bitselect(v128.load(p), f32x4.splat(-Infinity), firstLanes(left));
    v128.store(p, score);
    top = f32x4.pmax(top, score);
  }
  top = f32x4.splat(largestLane(top));
  let total = f32x4.splat(0);
  for (let p = scores; p < end; p += 64) {
    exp16(p, top);
    for (let q = p; q < p + 64; q += 16) total = f32x4.add(total, v128.load(q));
  }
  return total;
}

/** Multiplies 16 columns of a matrix with x [count] and adds to out [16]. `step` is the bytes between its rows. */
function addProducts(matrix: usize, step: i32, x: usize, count: i32, out: usize): void {
  let a = v128.load(out);
  let b = v128.load(out, 16);
  let c = v128.load(out, 32);
  let d = v128.load(out, 48);
  for (let end = x + 4 * count; x < end; x += 4, matrix += step) {
    const factor = v128.load32_splat(x);
    a = f32x4.add(a, f32x4.mul(v128.load(matrix), factor));
    b = f32x4.add(b, f32x4.mul(v128.load(matrix, 16), factor));
    c = f32x4.add(c, f32x4.mul(v128.load(matrix, 32), factor));
    d = f32x4.add(d, f32x4.mul(v128.load(matrix, 48), factor));
  }
  v128.store(out, a);
  v128.store(out, b, 16);
  v128.store(out, c, 32);
  v128.store(out, d, 48);
}
