/** The common parts of attention over pages in int8 and in float32. P is D, padded to a multiple of 16. */
import { exp16, sum } from './math';

/** Positions of a page. */
export const pageSize: i32 = 64;

export function paddedTo16(width: i32): i32 {
  return (width + 15) & ~15;
}

/** The address of page `index` in a text's list of pages. */
export function pageAt(pages: usize, index: i32): usize {
  return <usize>load<u32>(pages + 4 * index);
}

/** @returns x [D] itself if D is P, else its copy with zeros to P */
export function padRow(x: usize, width: i32, copy: usize): usize {
  const padded = paddedTo16(width);
  if (width === padded) return x;
  memory.copy(copy, x, 4 * width);
  memory.fill(copy + 4 * width, 0, 4 * (padded - width));
  return copy;
}

/**
 * Replaces scores [heads, count] by e^(score − largest score), and writes their sums to totals [heads]. Positions from
 * `length` get e^-87 at most, whatever their scores are.
 */
export function exponentials(scores: usize, heads: i32, length: i32, count: i32, totals: usize): void {
  const used = (length + 15) & ~15;
  for (let i = 0; i < heads; i++, scores += 4 * count) {
    const end = scores + 4 * used;
    for (let p = scores + 4 * length; p < end; p += 4) store<f32>(p, -Infinity);
    let most = f32x4.splat(-Infinity);
    for (let p = scores; p < end; p += 16) most = f32x4.pmax(most, v128.load(p));
    const a = max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1));
    const b = max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3));
    const top = f32x4.splat(max(a, b));
    let total = f32x4.splat(0);
    for (let p = scores; p < end; p += 64) {
      for (let q = p; q < p + 64; q += 16) v128.store(q, f32x4.sub(v128.load(q), top));
      exp16(p);
      for (let q = p; q < p + 64; q += 16) total = f32x4.add(total, v128.load(q));
    }
    store<f32>(totals + 4 * i, sum(total));
  }
}

/** contexts [heads, P] / totals [heads] to out [heads, D]. */
export function writeContexts(contexts: usize, totals: usize, heads: i32, width: i32, out: usize): void {
  const padded = paddedTo16(width);
  for (let i = 0; i < heads; i++, contexts += 4 * padded, out += 4 * width) {
    const factor = f32x4.splat(1 / load<f32>(totals + 4 * i));
    for (let d = 0; d < 4 * padded; d += 16) {
      v128.store(contexts + d, f32x4.mul(v128.load(contexts + d), factor));
    }
    memory.copy(out, contexts, 4 * width);
  }
}
