/** Random numbers for sampling: a seed gives the same sequence on every machine. */

/** Returns a uniform number in [0, 1) with 53 random bits. */
export type Random = () => number;

/**
 * xoshiro128**. splitmix32 fills its 128 bits of state, so that the sequences of neighbouring seeds are unrelated.
 * @param seed  Unsigned 32-bit.
 * @see Blackman, Vigna 2021, "Scrambled Linear Pseudorandom Number Generators", https://prng.di.unimi.it
 */
export function createRandom(seed: number): Random {
  const fill = splitmix32(seed);
  let a = fill();
  let b = fill();
  let c = fill();
  let d = fill();

  function next(): number {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return result;
  }

  return () => {
    const high = next() >>> 5;
    const low = next() >>> 6;
    return (high * 0x400_0000 + low) / 0x20_0000_0000_0000;
  };
}

const rotateLeft = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));

/** @see the finalizer of MurmurHash3, over a Weyl sequence */
function splitmix32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
}
