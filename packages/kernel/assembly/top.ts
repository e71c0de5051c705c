/** The largest logits of a row, found with a heap whose root is the least of them. */

import { largest } from './math';

export function top(
  logits: usize,
  columns: i32,
  columnScales: usize,
  count: i32,
  firstId: i32,
  values: usize,
  ids: usize,
): i32 {
  for (let i = 0; i < count; i++) put(values, ids, i, -Infinity, -1);
  let least = f32x4.splat(-Infinity);
  let sizes = i32x4.splat(0);
  let j = 0;
  for (; j + 16 <= columns; j += 16) {
    const a = logit4(logits, columnScales, j);
    const b = logit4(logits, columnScales, j + 4);
    const c = logit4(logits, columnScales, j + 8);
    const d = logit4(logits, columnScales, j + 12);
    if (!columnScales) {
      const ab = i32x4.max_s(f32x4.abs(a), f32x4.abs(b));
      sizes = i32x4.max_s(sizes, i32x4.max_s(ab, i32x4.max_s(f32x4.abs(c), f32x4.abs(d))));
    }
    if (!v128.any_true(f32x4.gt(f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d)), least))) continue;
    const left = i32x4.bitmask(f32x4.gt(a, least)) | (i32x4.bitmask(f32x4.gt(b, least)) << 4);
    const right = i32x4.bitmask(f32x4.gt(c, least)) | (i32x4.bitmask(f32x4.gt(d, least)) << 4);
    for (let hits = left | (right << 8); hits !== 0; hits &= hits - 1) {
      const column = j + ctz(hits);
      insert(values, ids, count, logit(logits, columnScales, column), firstId + column);
    }
    least = v128.load32_splat(values);
  }
  let isFinite = largest(sizes) < Infinity;
  for (; j < columns; j++) {
    const value = logit(logits, columnScales, j);
    isFinite = isFinite && abs(value) < Infinity;
    insert(values, ids, count, value, firstId + j);
  }
  // The least goes behind the others, until the heap is empty.
  for (let last = count - 1; last > 0; last--) {
    const value = load<f32>(values + 4 * last);
    const id = load<i32>(ids + 4 * last);
    put(values, ids, last, load<f32>(values), load<i32>(ids));
    sink(values, ids, last, value, id);
  }
  return i32(isFinite);
}

function logit4(logits: usize, columnScales: usize, j: i32): v128 {
  const x = v128.load(logits + 4 * j);
  return columnScales ? f32x4.mul(f32x4.convert_i32x4_s(x), v128.load(columnScales + 4 * j)) : x;
}

function logit(logits: usize, columnScales: usize, j: i32): f32 {
  const at = logits + 4 * j;
  return columnScales ? <f32>load<i32>(at) * load<f32>(columnScales + 4 * j) : load<f32>(at);
}

function put(values: usize, ids: usize, place: i32, value: f32, id: i32): void {
  store<f32>(values + 4 * place, value);
  store<i32>(ids + 4 * place, id);
}

function insert(values: usize, ids: usize, count: i32, value: f32, id: i32): void {
  // Ids come in ascending order, so an equal value that comes later is not among the largest.
  if (value > load<f32>(values)) sink(values, ids, count, value, id);
}

/** Puts an entry in the place of the heap's root. Of equal values the higher id is the lesser entry. */
function sink(values: usize, ids: usize, count: i32, value: f32, id: i32): void {
  let place = 0;
  for (;;) {
    let child = 2 * place + 1;
    if (child >= count) break;
    let childValue = load<f32>(values + 4 * child);
    let childId = load<u32>(ids + 4 * child);
    if (child + 1 < count) {
      const v = load<f32>(values + 4 * child + 4);
      const i = load<u32>(ids + 4 * child + 4);
      if (isLess(v, i, childValue, childId)) {
        child++;
        childValue = v;
        childId = i;
      }
    }
    if (!isLess(childValue, childId, value, <u32>id)) break;
    put(values, ids, place, childValue, childId);
    place = child;
  }
  put(values, ids, place, value, id);
}

/** The missing entry, of id −1, is the least of all. */
function isLess(value: f32, id: u32, other: f32, otherId: u32): bool {
  return value < other || (value === other && id > otherId);
}
