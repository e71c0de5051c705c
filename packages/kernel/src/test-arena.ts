/** Memory with typed areas, and seeded random numbers, for the kernel's tests. */
import { setFlagsFromString } from 'node:v8';
import { hasQuads, joinVectors, openKernel, reservedBytes } from './index.ts';

// V8 optimizes a function before its first call then, instead of after thousands, so these tests run the fast code.
setFlagsFromString('--no-liftoff');
joinVectors();

export function openArena(megabytes = 8, byQuads = hasQuads) {
  const pages = megabytes * 16;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  let next = reservedBytes;
  const take = (bytes: number): number => {
    const at = next;
    next += Math.ceil(bytes / 64) * 64;
    return at;
  };
  const floats = (values: number | Iterable<number>): Float32Array => {
    const given = typeof values === 'number' ? new Float32Array(values) : Float32Array.from(values);
    const view = new Float32Array(memory.buffer, take(given.byteLength), given.length);
    view.set(given);
    return view;
  };
  return {
    memory,
    kernel: openKernel(memory, { byQuads }),
    take,
    floats,
    int32: (count: number) => new Int32Array(memory.buffer, take(4 * count), count),
    int16: (count: number) => new Int16Array(memory.buffer, take(2 * count), count),
    bytes: (count: number) => new Uint8Array(memory.buffer, take(count), count),
  };
}

export interface Random {
  /** A whole number from `low` to `high`, both included. */
  readonly whole: (low: number, high: number) => number;
  /** Normally distributed. */
  readonly normal: () => number;
  readonly normals: (count: number) => Float32Array;
}

export function seeded(seed: number): Random {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return {
    whole: (low, high) => low + Math.floor(next() * (high - low + 1)),
    normal,
    normals: (count) => Float32Array.from({ length: count }, normal),
  };
}

/** The bits of floats, to compare with `toEqual`. */
export const bitsOf = (floats: Float32Array): Int32Array => new Int32Array(floats.slice().buffer);
