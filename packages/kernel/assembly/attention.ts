/** The common parts of attention over pages in int8 and in float32. D is a multiple of 16. */
import { exp16, sum } from './math';

/** Positions of a page. */
export const pageSize: i32 = 64;

/** The address of page `index` in a text's list of pages. */
export function pageAt(pages: usize, index: i32): usize {
  return <usize>load<u32>(pages + 4 * index);
}

/** A mask of the lanes below `count`, which may be any number. */
export function firstLanes(count: i32): v128 {
  return i32x4.gt_s(i32x4.splat(count), i32x4(0, 1, 2, 3));
}

export function largestLane(x: v128): f32 {
  const a = max(f32x4.extract_lane(x, 0), f32x4.extract_lane(x, 1));
  return max(a, max(f32x4.extract_lane(x, 2), f32x4.extract_lane(x, 3)));
}

/** context [D] / the sum of four floats to out [D]. */
export function writeContext(context: usize, total: v128, width: i32, out: usize): void {
  const factor = f32x4.splat(1 / sum(total));
  for (let d = 0; d < 4 * width; d += 16) v128.store(out + d, f32x4.mul(v128.load(context + d), factor));
}
