/** Keys and values in float32. A page has keys [H][4][P][16], then values [H][64][P]. */
import { exponentials, paddedTo16, padRow, pageAt, pageSize, writeContexts } from './attention';

export function appendFloat32(
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
  const part = 4 * pageSize * padded;
  for (let head = from; head < to; head++, keys += 4 * width, values += 4 * width) {
    const key = padRow(keys, width, scratch);
    const at = page + part * head + 64 * padded * (place >> 4) + 4 * (place & 15);
    for (let d = 0; d < padded; d++) store<f32>(at + 64 * d, load<f32>(key + 4 * d));
    const value = padRow(values, width, scratch);
    memory.copy(page + part * (heads + head) + 4 * padded * place, value, 4 * padded);
  }
}

export function attendFloat32(
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
  const part = 4 * pageSize * padded;
  const own = to - from;
  const count = (length + pageSize - 1) & -pageSize;
  const scores = scratch;
  const contexts = scores + 4 * count * own;
  const totals = contexts + 4 * padded * own;
  memory.fill(scores, 0, 4 * count * own);
  for (let t = 0; t < count; t += pageSize) {
    let keys = pageAt(pages, t / pageSize) + part * from;
    const used = min(length - t, pageSize);
    for (let i = 0; i < own; i++, keys += part) {
      const query = padRow(queries + 4 * width * i, width, contexts);
      for (let p = 0; p < used; p += 16) {
        addProducts(keys + 4 * padded * p, 64, query, padded, scores + 4 * (count * i + t + p));
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
      for (let d = 0; d < padded; d += 16) {
        addProducts(values + 4 * d, 4 * padded, weights, used, contexts + 4 * (padded * i + d));
      }
    }
  }
  writeContexts(contexts, totals, own, width, out);
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
