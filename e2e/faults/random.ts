/** Random choices that a seed reproduces. */
export interface Random {
  /** 0 ≤ x < 1. */
  next(): number;
  between(range: readonly [low: number, high: number]): number;
  pick<Item>(items: readonly Item[]): Item;
}

/**
 * The generator is mulberry32, which is in the public domain.
 * @see https://gist.github.com/tommyettinger/46a874533244883189143505d203312c
 */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  return {
    next,
    between: ([low, high]) => low + next() * (high - low),
    pick: (items) => items[Math.floor(next() * items.length)] as (typeof items)[number],
  };
}
